"""Items and timers in the store: aggregation without AWS, or with your own PostgreSQL.

A write reads its item, decides as transitions.py does, and writes it, in one transaction that locks the row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Row,
    String,
    Table,
    Text,
    delete,
    select,
    update,
)

from windlass.aggregation.effects import AwaitCompletions, StoreEffect
from windlass.aggregation.model import KeyState, Summary, Timer
from windlass.aggregation.tables import transitions
from windlass.aggregation.tables.base import Completion
from windlass.core.canonical import canonical_json
from windlass.store.engine import Store
from windlass.store.metadata import Json, Message, metadata

__all__ = ["SqlTable", "SqlTimers"]

item = Table(
    "aggregation_item",
    metadata,
    Column("rule", String(64), primary_key=True),
    Column("key", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in ("dirty", "done", "claimed", "failures")),
    *(Column(name, Text, nullable=False) for name in ("armed", "claim")),
    Column("note", Message, nullable=False),
    *(Column(name, Float, nullable=False) for name in ("token_at", "armed_at", "last_at", "na", "hold", "acted_at")),
    Column("paused", Boolean, nullable=False),
    *(Column(name, Json, nullable=False) for name in ("pending", "summary", "held")),
)
completion = Table(
    "aggregation_completion",
    metadata,
    Column("token", String(200), primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("attempt", Text, nullable=False),
    Column("until", Float, nullable=False),
)
timer = Table(
    "aggregation_timer",
    metadata,
    Column("token", Text, primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("due_at", Float, nullable=False),
)
_RETENTION_S = 7 * 86_400


class SqlTable:
    """Items in SQLite or PostgreSQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def perform(self, effect: StoreEffect) -> Any:
        """Perform one write in one transaction."""
        with self._store.write() as connection:
            before = _read(connection, effect.rule, effect.key, lock=True)
            after = transitions.apply(before, effect)
            if after is not None and before is None and not self._insert(connection, after):
                # Another process inserted the item after our read: read it again and decide.
                before = _read(connection, effect.rule, effect.key, lock=True)
                after = transitions.apply(before, effect)
            if after is not None:
                _write(connection, after)
                if isinstance(effect, AwaitCompletions):
                    self._remember(connection, effect)
            return transitions.answer(effect, before, after)

    def read(self, rule: str, key: str) -> KeyState | None:
        """Return a key's item."""
        with self._store.read() as connection:
            return _read(connection, rule, key)

    def items(self, rule: str = "") -> Iterator[KeyState]:
        """Yield all items, by rule and key."""
        statement = select(item).where(item.c.key != "").order_by(item.c.rule, item.c.key)
        if rule:
            statement = statement.where(item.c.rule == rule)
        with self._store.read() as connection:
            rows = connection.execute(statement).all()
        yield from map(_item, rows)

    def complete(self, token: str) -> Completion | None:
        """Remove a completion from its item; return its attempt when it was the last one."""
        with self._store.write() as connection:
            row = connection.execute(select(completion).where(completion.c.token == token)).one_or_none()
            if row is None:
                return None
            waiting_item = _read(connection, row.rule, row.key, lock=True)
            after = transitions.complete(waiting_item, row.attempt, token) if waiting_item else None
            if after is None:
                return None
            _write(connection, after)
            return None if after.pending else Completion(token, row.rule, row.key, row.attempt)

    def knows(self, token: str) -> bool:
        """Return whether the token was written."""
        with self._store.read() as connection:
            return connection.execute(select(completion.c.token).where(completion.c.token == token)).first() is not None

    def set_paused(self, rule: str, key: str, *, paused: bool) -> bool:
        """Pause or resume a key or, with an empty key, the rule."""
        with self._store.write() as connection:
            current = _read(connection, rule, key, lock=True)
            if current is None and key:
                return False
            if current is None:
                self._insert(connection, KeyState(rule, ""))
            _write(connection, replace(current or KeyState(rule, ""), paused=paused))
            return True

    def paused(self, rule: str) -> bool:
        """Return whether the rule is paused."""
        rule_item = self.read(rule, "")
        return rule_item is not None and rule_item.paused

    def _insert(self, connection: Connection, new_item: KeyState) -> bool:
        statement = self._store.upsert(item).values(rule=new_item.rule, key=new_item.key, **_columns(new_item))
        return bool(connection.execute(statement.on_conflict_do_nothing()).rowcount)

    def _remember(self, connection: Connection, effect: AwaitCompletions) -> None:
        for token in effect.tokens:
            values = {"rule": effect.rule, "key": effect.key, "attempt": effect.attempt, "until": effect.until}
            statement = self._store.upsert(completion).values(token=token, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["token"], set_=values))
        connection.execute(delete(completion).where(completion.c.until < effect.until - _RETENTION_S))


class SqlTimers:
    """Timers in the store: a worker leases a timer, which becomes due again unless it is ended."""

    def __init__(self, store: Store, *, now: Callable[[], float], leased_s: float = 20.0) -> None:
        self._store = store
        self._now = now
        self.leased_s = leased_s

    def send(self, new_timer: Timer, delay_s: float) -> None:
        """Add a timer that is due after a delay; sending it twice adds one."""
        values = {"due_at": self._now() + delay_s}
        statement = self._store.upsert(timer).values(
            token=new_timer.token, rule=new_timer.rule, key=new_timer.key, **values
        )
        with self._store.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["token", "rule", "key"], set_=values))

    def take(self, most: int) -> list[Timer]:
        """Lease up to `most` due timers; other workers do not see them meanwhile."""
        now = self._now()
        with self._store.write() as connection:
            statement = select(timer).where(timer.c.due_at <= now).order_by(timer.c.due_at).limit(most)
            rows = connection.execute(statement.with_for_update(skip_locked=True)).all()
            due_timers = [Timer(row.rule, row.key, row.token) for row in rows]
            for due_timer in due_timers:
                connection.execute(update(timer).where(_is(due_timer)).values(due_at=now + self.leased_s))
        return due_timers

    def renew(self, leased: Timer) -> None:
        """Extend the lease of a timer that is still being handled."""
        self.defer(leased, self.leased_s)

    def end(self, leased: Timer) -> None:
        """Delete a timer."""
        with self._store.write() as connection:
            connection.execute(delete(timer).where(_is(leased)))

    def defer(self, leased: Timer, after_s: float) -> None:
        """Make a timer due again after `after_s`."""
        with self._store.write() as connection:
            connection.execute(update(timer).where(_is(leased)).values(due_at=self._now() + after_s))


def _is(leased: Timer) -> Any:
    return (timer.c.token == leased.token) & (timer.c.rule == leased.rule) & (timer.c.key == leased.key)


def _read(connection: Connection, rule: str, key: str, *, lock: bool = False) -> KeyState | None:
    statement = select(item).where(item.c.rule == rule, item.c.key == key)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return _item(row) if row else None


def _write(connection: Connection, after: KeyState) -> None:
    where = (item.c.rule == after.rule) & (item.c.key == after.key)
    connection.execute(update(item).where(where).values(**_columns(after)))


def _columns(state: KeyState) -> dict[str, Any]:
    values = {part.name: getattr(state, part.name) for part in fields(state) if part.name not in ("rule", "key")}
    return values | {
        "pending": canonical_json(list(state.pending)),
        "summary": canonical_json(asdict(state.summary)),
        "held": canonical_json(asdict(state.held)),
    }


def _item(row: Row[Any]) -> KeyState:
    plain = {part.name: getattr(row, part.name) for part in fields(KeyState)}
    plain |= {
        "pending": tuple(json.loads(row.pending)),
        "summary": _summary(json.loads(row.summary)),
        "held": _summary(json.loads(row.held)),
    }
    return KeyState(**plain)


def _summary(plain: dict[str, Any]) -> Summary:
    return Summary(**plain | {"folders": tuple(plain["folders"]), "samples": tuple(plain["samples"])})
