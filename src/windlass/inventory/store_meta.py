"""Single values of a store, kept in the table `meta`: the salt of redacted values, and when a task was last due."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection, text

from windlass.core.clock import format_time, parse_time
from windlass.store.engine import Store

__all__ = ["is_due", "meta_value", "salt_of", "set_meta_value"]


def salt_of(store: Store) -> bytes:
    """Return this store's salt for redacted values; the first call creates it."""
    new_salt = secrets.token_hex(16)

    def read_or_write(connection: Connection) -> str:
        salt: str | None = connection.execute(text("SELECT value FROM meta WHERE name = 'salt'")).scalar()
        if salt is None:
            connection.execute(text("INSERT INTO meta (name, value) VALUES ('salt', :value)"), {"value": new_salt})
        return salt or new_salt

    return bytes.fromhex(store.transact(read_or_write))


def meta_value(connection: Connection, name: str) -> str:
    """Return the value of this name; empty without one."""
    return connection.execute(text("SELECT value FROM meta WHERE name = :name"), {"name": name}).scalar() or ""


def set_meta_value(connection: Connection, name: str, value: str) -> None:
    """Set the value of this name."""
    connection.execute(text("DELETE FROM meta WHERE name = :name"), {"name": name})
    connection.execute(text("INSERT INTO meta (name, value) VALUES (:name, :value)"), {"name": name, "value": value})


def is_due(store: Store, name: str, *, interval_s: float, now: datetime) -> bool:
    """True when `name` was last due at least `interval_s` ago; `now` is then recorded as its last due time."""
    written = format_time(now)

    def read_and_write(connection: Connection) -> bool:
        last = connection.execute(text("SELECT value FROM meta WHERE name = :name"), {"name": name}).scalar()
        if last is not None and last != written and (now - parse_time(last)).total_seconds() < interval_s:
            return False
        connection.execute(text("DELETE FROM meta WHERE name = :name"), {"name": name})
        connection.execute(text("INSERT INTO meta (name, value) VALUES (:name, :now)"), {"name": name, "now": written})
        return True

    return store.transact(read_and_write)
