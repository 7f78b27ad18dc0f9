"""Leases: at most one holder of a name at a time, across processes and machines that share the store.

A lease is a promise with an end: who stops renewing loses it after its time to live. The database's rows decide;
clocks of the holders must agree to within a fraction of the time to live.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, String, Table, delete, or_

from windlass.core.clock import format_time
from windlass.store.engine import Store
from windlass.store.metadata import Time, metadata

__all__ = ["acquire", "release"]

lease = Table(
    "lease",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("expires_at", Time, nullable=False),
)


def acquire(store: Store, name: str, holder: str, *, ttl_s: float, now: datetime) -> bool:
    """Take or renew the lease `name`; false when somebody else holds it and their time is not up."""
    expires_at = format_time(now + timedelta(seconds=ttl_s))
    insert = store.upsert(lease).values(name=name, holder=holder, expires_at=expires_at)
    taken = insert.on_conflict_do_update(
        index_elements=[lease.c.name],
        set_={"holder": insert.excluded.holder, "expires_at": insert.excluded.expires_at},
        where=or_(lease.c.holder == holder, lease.c.expires_at <= format_time(now)),
    ).returning(lease.c.holder)
    with store.write() as connection:
        return connection.execute(taken).first() is not None


def release(store: Store, name: str, holder: str) -> None:
    """Give the lease back, if it is still ours."""
    with store.write() as connection:
        connection.execute(delete(lease).where(lease.c.name == name, lease.c.holder == holder))
