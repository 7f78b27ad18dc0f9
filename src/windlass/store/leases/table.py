"""The lease table and every query on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, Connection, Integer, Row, String, Table, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql

from windlass.core.clock import format_time, parse_time
from windlass.store.leases.model import Holder, LeaseRow
from windlass.store.metadata import Time, metadata

__all__ = ["LeaseTable", "database_now", "delete_leases", "list_leases", "lock_lease", "put_lease", "read_lease"]

lease = Table(
    "lease",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("token", String(40), nullable=False),
    Column("host", String(255), nullable=False),
    Column("machine", String(64), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", String(40), nullable=False),
    Column("acquired_at", Time),
    Column("expires_at", Time),
)


class LeaseTable(Protocol):
    """The queries of the leases: this module's functions, or the simulation's memory."""

    def database_now(self, connection: Connection, /) -> datetime:
        """Return the database's time."""

    def lock_lease(self, connection: Connection, name: str, /) -> LeaseRow:
        """Lock the row until the transaction ends; return it."""

    def read_lease(self, connection: Connection, name: str, /) -> LeaseRow:
        """Return the row; it can't be taken over until the transaction ends."""

    def put_lease(self, connection: Connection, row: LeaseRow, /) -> None:
        """Write a locked row."""

    def list_leases(self, connection: Connection, names: Sequence[str] | None = None, /) -> tuple[LeaseRow, ...]:
        """Return the rows of these names, or all."""


def database_now(connection: Connection) -> datetime:
    """Return the database's time: the server's at the statement (PostgreSQL), or this machine's (SQLite)."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment.astimezone(UTC)
    return parse_time(connection.execute(text("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")).scalar_one())


def lock_lease(connection: Connection, name: str) -> LeaseRow:
    """Lock the row until the transaction ends and return it; create an empty one when there is none."""
    if connection.dialect.name == "postgresql":  # SQLite has only one write transaction anyway
        empty = _values(LeaseRow(name=name))
        connection.execute(postgresql.insert(lease).values(empty).on_conflict_do_nothing())
        return _row(connection.execute(select(lease).where(lease.c.name == name).with_for_update()).one())
    return read_lease(connection, name)


def read_lease(connection: Connection, name: str) -> LeaseRow:
    """Return the row; it can't be taken over until the transaction ends. Renewals are not blocked (FOR KEY SHARE)."""
    statement = select(lease).where(lease.c.name == name).with_for_update(read=True, key_share=True)
    row = connection.execute(statement).first()
    return _row(row) if row is not None else LeaseRow(name=name)


def put_lease(connection: Connection, row: LeaseRow) -> None:
    """Write a row that `lock_lease` locked."""
    values = _values(row)
    if connection.execute(update(lease).where(lease.c.name == row.name).values(values)).rowcount == 0:
        connection.execute(insert(lease).values(values))


def list_leases(connection: Connection, names: Sequence[str] | None = None) -> tuple[LeaseRow, ...]:
    """Return the rows of these names, or all, by name. Locks nothing."""
    statement = select(lease).order_by(lease.c.name)
    if names is not None:
        statement = statement.where(lease.c.name.in_(list(names)))
    return tuple(_row(row) for row in connection.execute(statement))


def delete_leases(connection: Connection, names: Sequence[str]) -> None:
    """Delete leases whose names are never used again."""
    connection.execute(delete(lease).where(lease.c.name.in_(list(names))))


def _values(row: LeaseRow) -> dict[str, Any]:
    holder = row.holder or Holder(host="", machine="", pid=0, started="")
    return {
        "name": row.name,
        "fence": row.fence,
        "token": row.token,
        "host": holder.host[:255],
        "machine": holder.machine,
        "pid": holder.pid,
        "started": holder.started,
        "acquired_at": format_time(row.acquired_at) if row.acquired_at else None,
        "expires_at": format_time(row.expires_at) if row.expires_at else None,
    }


def _row(row: Row[Any]) -> LeaseRow:
    return LeaseRow(
        name=row.name,
        fence=row.fence,
        token=row.token,
        holder=Holder(host=row.host, machine=row.machine, pid=row.pid, started=row.started) if row.token else None,
        acquired_at=parse_time(row.acquired_at) if row.acquired_at else None,
        expires_at=parse_time(row.expires_at) if row.expires_at else None,
    )
