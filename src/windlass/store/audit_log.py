"""The audit log: who did what to what, from the console, the API and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, insert, select

from windlass.core.clock import format_time
from windlass.store.engine import Store
from windlass.store.metadata import Message, Time, metadata

__all__ = ["COMMAND_LINE", "audit", "list_audit"]

COMMAND_LINE = "command line"
"""The actor of commands: whoever may read windlass.toml and write the store."""

_audit = Table(
    "audit",
    metadata,
    Column("entry_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Time),
    Column("actor", String(200)),
    Column("action", String(100)),
    Column("target", Text),
    Column("detail", Message),
)


def audit(store: Store, *, actor: str, action: str, target: str, detail: str = "", now: datetime) -> None:
    """Append an entry to the audit log: `actor` did `action` to `target`."""
    with store.write() as connection:
        connection.execute(
            insert(_audit).values(at=format_time(now), actor=actor, action=action, target=target, detail=detail)
        )


def list_audit(store: Store, limit: int = 100) -> tuple[Mapping[str, Any], ...]:
    """Return entries of the audit log, the newest first."""
    with store.read() as connection:
        rows = connection.execute(select(_audit).order_by(_audit.c.entry_id.desc()).limit(limit))
        return tuple(dict(row._mapping) for row in rows)  # noqa: SLF001  SQLAlchemy's public name for it
