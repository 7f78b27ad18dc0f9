"""Tables of pipelines: counts by minute and outcome, and refused objects. Deliveries never read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Row, String, Table, Text, delete, func, select, update

from windlass.core.clock import format_time, parse_time
from windlass.pipelines.counters import Count, RefusedObject
from windlass.store.engine import Store
from windlass.store.metadata import Message, Time, metadata

__all__ = [
    "Count",
    "RefusedObject",
    "add_counts",
    "forget_old",
    "list_counts",
    "list_refused",
    "mark_retried",
    "put_refused",
    "totals",
]

_RETENTION = timedelta(days=30)

count = Table(
    "pipeline_count",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("minute", Time, primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("objects", BigInteger, nullable=False),
    Column("read_bytes", BigInteger, nullable=False),
    Column("written_bytes", BigInteger, nullable=False),
)
failure = Table(
    "pipeline_failure",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("bucket", String(64), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("at", Time, nullable=False),
    Column("version_id", Text, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("message", Message, nullable=False),
    Column("kept_at", Text, nullable=False),
    Column("retried_at", Time),
)


def add_counts(connection: Connection, store: Store, counts: Sequence[Count]) -> None:
    """Add counts to those of the same minute and outcome."""
    for entry in counts:
        key = {"pipeline": entry.pipeline, "minute": format_time(entry.minute), "outcome": entry.outcome}
        numbers = {"objects": entry.objects, "read_bytes": entry.read_bytes, "written_bytes": entry.written_bytes}
        statement = store.upsert(count).values(**key, **numbers)
        increments = {name: count.c[name] + value for name, value in numbers.items()}
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=increments))


def list_counts(connection: Connection, *, since: datetime, pipeline: str = "") -> list[Count]:
    """Return the counts, ordered by minute."""
    statement = select(count).where(count.c.minute >= format_time(since)).order_by(count.c.minute)
    if pipeline:
        statement = statement.where(count.c.pipeline == pipeline)
    return [
        Count(row.pipeline, parse_time(row.minute), row.outcome, row.objects, row.read_bytes, row.written_bytes)
        for row in connection.execute(statement)
    ]


def totals(connection: Connection, *, since: datetime) -> dict[str, dict[str, int]]:
    """Return objects by pipeline and outcome, and the bytes (`read_bytes`, `written_bytes`)."""
    columns = (func.sum(count.c[name]) for name in ("objects", "read_bytes", "written_bytes"))
    statement = (
        select(count.c.pipeline, count.c.outcome, *columns)
        .where(count.c.minute >= format_time(since))
        .group_by(count.c.pipeline, count.c.outcome)
    )
    by_pipeline: dict[str, dict[str, int]] = {}
    for pipeline, outcome, objects, read_bytes, written in connection.execute(statement):
        row = by_pipeline.setdefault(pipeline, {"read_bytes": 0, "written_bytes": 0})
        row[outcome] = int(objects)
        row["read_bytes"] += int(read_bytes)
        row["written_bytes"] += int(written)
    return by_pipeline


def put_refused(connection: Connection, store: Store, refused: RefusedObject) -> None:
    """Record a refused object. A newer reason replaces an older one."""
    key = {"pipeline": refused.pipeline, "bucket": refused.bucket, "key": refused.key}
    values = {
        "at": format_time(refused.at),
        "version_id": refused.version_id,
        "reason": refused.reason,
        "message": refused.message[:2000],
        "kept_at": refused.kept_at,
        "retried_at": None,
    }
    statement = store.upsert(failure).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def list_refused(
    connection: Connection, *, pipeline: str = "", waiting: bool = False, limit: int = 100
) -> list[RefusedObject]:
    """Return refused objects, the latest first; `waiting`: only those that no retry delivered."""
    statement = select(failure).order_by(failure.c.at.desc()).limit(limit)
    if pipeline:
        statement = statement.where(failure.c.pipeline == pipeline)
    if waiting:
        statement = statement.where(failure.c.retried_at.is_(None))
    return [_failure(row) for row in connection.execute(statement)]


def mark_retried(connection: Connection, refused: RefusedObject, at: datetime) -> None:
    """Record that a retry delivered the object."""
    where = (
        (failure.c.pipeline == refused.pipeline) & (failure.c.bucket == refused.bucket) & (failure.c.key == refused.key)
    )
    connection.execute(update(failure).where(where).values(retried_at=format_time(at)))


def forget_old(connection: Connection, now: datetime) -> None:
    """Delete counts and refused objects older than 30 days."""
    connection.execute(delete(count).where(count.c.minute < format_time(now - _RETENTION)))
    connection.execute(delete(failure).where(failure.c.at < format_time(now - _RETENTION)))


def _failure(row: Row[Any]) -> RefusedObject:
    values: Mapping[str, Any] = {
        name: getattr(row, name) for name in ("pipeline", "bucket", "key", "version_id", "reason")
    }
    retried = parse_time(row.retried_at) if row.retried_at else None
    return RefusedObject(**values, at=parse_time(row.at), message=row.message, kept_at=row.kept_at, retried_at=retried)
