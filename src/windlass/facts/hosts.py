"""The rows of hosts: found or inserted by their identity, with the newest known name, account, region and platform."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from windlass.core.clock import format_time
from windlass.facts.model import HostIdentity
from windlass.facts.tables import host
from windlass.store.engine import Store

__all__ = ["lock_hosts"]

_MEMBERS = ("account_id", "region", "name", "platform")


def lock_hosts(
    store: Store, connection: Connection, seen: Mapping[HostIdentity, datetime], now: datetime
) -> dict[str, int]:
    """Return the row IDs of hosts by host ID, locked until the end of the transaction. `seen` is when each was observed.

    The locks are taken in the order of the IDs, so that two writers never wait for each other.
    """
    new = [
        {member: getattr(identity, member) for member in ("host_id", *_MEMBERS)}
        | {"first_seen_at": format_time(min(at, now)), "last_seen_at": ""}
        for identity, at in sorted(seen.items(), key=lambda item: item[0].host_id)
    ]
    host_ids = [row["host_id"] for row in new]
    stored = select(host).where(host.c.host_id.in_(host_ids)).order_by(host.c.host_id).with_for_update()
    rows = {row.host_id: row for row in connection.execute(stored)}
    missing = [row for row in new if row["host_id"] not in rows]
    if missing:
        connection.execute(store.upsert(host).on_conflict_do_nothing(), missing)
        rows = {row.host_id: row for row in connection.execute(stored)}
    for identity, at in seen.items():
        row = rows[identity.host_id]
        values: dict[str, str] = {}
        if format_time(at) > row.last_seen_at:
            values["last_seen_at"] = format_time(at)
            values |= {
                member: value
                for member in _MEMBERS
                if (value := getattr(identity, member)) and value != getattr(row, member)
            }
        if values:
            connection.execute(update(host).where(host.c.id == row.id).values(**values))
    return {host_id: row.id for host_id, row in rows.items()}
