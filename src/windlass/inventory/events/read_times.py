"""The times of reads because of events, kept until a later scan begins, so that an older scan undoes no newer read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, select

from windlass.core.clock import format_time
from windlass.inventory.model import Scope, ScopeResult
from windlass.inventory.revisions import KnownResource
from windlass.inventory.tables import event_read
from windlass.store.engine import Store

__all__ = ["newer_reads", "record_reads", "without"]


def newer_reads(connection: Connection, of: Scope, started_at: datetime, *, forget: bool = True) -> frozenset[str]:
    """Return the ids of the scope's resources that were read because of an event since `started_at`.

    `forget` the older reads: `started_at` is that of a scan of the scope.
    """
    condition = (
        event_read.c.account_id == of.account_id,
        event_read.c.region == of.region,
        event_read.c.type == of.type,
    )
    if forget:
        connection.execute(delete(event_read).where(*condition, event_read.c.read_at < format_time(started_at)))
    statement = select(event_read.c.resource_id).where(*condition, event_read.c.read_at >= format_time(started_at))
    return frozenset(connection.execute(statement).scalars())


def without(
    known: Mapping[str, KnownResource], result: ScopeResult, resource_ids: Collection[str]
) -> tuple[dict[str, KnownResource], ScopeResult]:
    """Return what a scan may change: everything except the resources with these ids, which were read after it began."""
    return (
        {key: row for key, row in known.items() if row.resource_id not in resource_ids},
        replace(
            result,
            observations=tuple(
                observation for observation in result.observations if observation.resource_id not in resource_ids
            ),
        ),
    )


def record_reads(
    store: Store, connection: Connection, of: Scope, resource_ids: Iterable[str], read_at: datetime
) -> None:
    """Record the time at which resources were read; a later time stays."""
    for resource_id in sorted(set(resource_ids)):
        insertion = store.upsert(event_read).values(
            account_id=of.account_id,
            region=of.region,
            type=of.type,
            resource_id=resource_id,
            read_at=format_time(read_at),
        )
        connection.execute(
            insertion.on_conflict_do_update(
                index_elements=["account_id", "region", "type", "resource_id"],
                set_={"read_at": insertion.excluded.read_at},
                where=event_read.c.read_at < insertion.excluded.read_at,
            )
        )
