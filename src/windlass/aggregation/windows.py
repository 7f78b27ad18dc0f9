"""Windows in the store: the timeline of the console and of `windlass aggregate status`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Row, String, Table, Text, delete, select

from windlass.aggregation.model import Summary
from windlass.aggregation.timeline import Window
from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time, parse_time
from windlass.store.engine import Store
from windlass.store.metadata import Json, Message, Time, metadata

__all__ = ["Window", "forget_windows", "list_windows", "put_window"]

_RETENTION = timedelta(days=7)

window = Table(
    "aggregation_window",
    metadata,
    Column("attempt", String(64), primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("first_at", Time, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("outcome", String(16), nullable=False),
    Column("reason", Message, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("summary", Json, nullable=False),
)


def put_window(connection: Connection, store: Store, entry: Window) -> None:
    """Write a window, when it starts and again when it ends."""
    values = {
        "rule": entry.rule,
        "key": entry.key,
        "first_at": entry.summary.first_at or format_time(entry.started_at),
        "started_at": format_time(entry.started_at),
        "ended_at": format_time(entry.ended_at) if entry.ended_at else None,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "events": entry.summary.events,
        "summary": canonical_json(asdict(entry.summary)),
    }
    statement = store.upsert(window).values(attempt=entry.attempt, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["attempt"], set_=values))


def list_windows(
    connection: Connection, *, rule: str = "", key: str = "", since: datetime | None = None, limit: int = 200
) -> list[Window]:
    """Return windows, newest first."""
    statement = select(window).order_by(window.c.started_at.desc()).limit(limit)
    if rule:
        statement = statement.where(window.c.rule == rule)
    if key:
        statement = statement.where(window.c.key == key)
    if since is not None:
        statement = statement.where(window.c.started_at >= format_time(since))
    return [_window(row) for row in connection.execute(statement)]


def forget_windows(connection: Connection, now: datetime) -> None:
    """Delete windows that are older than a week."""
    connection.execute(delete(window).where(window.c.started_at < format_time(now - _RETENTION)))


def _window(row: Row[Any]) -> Window:
    plain = json.loads(row.summary)
    summary = Summary(**plain | {name: tuple(plain[name]) for name in ("folders", "samples")})
    ended = parse_time(row.ended_at) if row.ended_at else None
    return Window(row.rule, row.key, row.attempt, summary, parse_time(row.started_at), ended, row.outcome, row.reason)
