"""Items in the store: aggregation with no AWS at all, or beside one's own PostgreSQL. Timers live here, too.

Each write reads its item, decides as decide.py says, and writes it, in one transaction that holds the row.
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
from windlass.aggregation.model import Item, Summary, Timer
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
_KEPT_S = 7 * 86_400


class SqlTable:
    """Items in SQLite or PostgreSQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def perform(self, effect: StoreEffect) -> Any:
        """One transaction."""
        with self._store.write() as connection:
            before = _read(connection, effect.rule, effect.key, lock=True)
            after = transitions.apply(before, effect)
            if after is not None and before is None and not self._insert(connection, after):
                # Somebody else made it since we looked: what they wrote is there now.
                before = _read(connection, effect.rule, effect.key, lock=True)
                after = transitions.apply(before, effect)
            if after is not None:
                _write(connection, after)
                if isinstance(effect, AwaitCompletions):
                    self._remember(connection, effect)
            return transitions.answer(effect, before, after)

    def read(self, rule: str, key: str) -> Item | None:
        """A key's item."""
        with self._store.read() as connection:
            return _read(connection, rule, key)

    def items(self, rule: str = "") -> Iterator[Item]:
        """All items, by rule and key."""
        statement = select(item).where(item.c.key != "").order_by(item.c.rule, item.c.key)
        if rule:
            statement = statement.where(item.c.rule == rule)
        with self._store.read() as connection:
            rows = connection.execute(statement).all()
        yield from map(_item, rows)

    def complete(self, token: str) -> Completion | None:
        """Take one completion off its item; its attempt when it was the last."""
        with self._store.write() as connection:
            row = connection.execute(select(completion).where(completion.c.token == token)).one_or_none()
            if row is None:
                return None
            found = _read(connection, row.rule, row.key, lock=True)
            after = transitions.complete(found, row.attempt, token) if found else None
            if after is None:
                return None
            _write(connection, after)
            return None if after.pending else Completion(token, row.rule, row.key, row.attempt)

    def knows(self, token: str) -> bool:
        """Whether it was written down."""
        with self._store.read() as connection:
            return connection.execute(select(completion.c.token).where(completion.c.token == token)).first() is not None

    def set_paused(self, rule: str, key: str, *, paused: bool) -> bool:
        """Pause or resume a key or, with an empty one, the rule."""
        with self._store.write() as connection:
            found = _read(connection, rule, key, lock=True)
            if found is None and key:
                return False
            if found is None:
                self._insert(connection, Item(rule, ""))
            _write(connection, replace(found or Item(rule, ""), paused=paused))
            return True

    def paused(self, rule: str) -> bool:
        """Whether the rule is paused."""
        found = self.read(rule, "")
        return found is not None and found.paused

    def _insert(self, connection: Connection, made: Item) -> bool:
        statement = self._store.upsert(item).values(rule=made.rule, key=made.key, **_columns(made))
        return bool(connection.execute(statement.on_conflict_do_nothing()).rowcount)

    def _remember(self, connection: Connection, effect: AwaitCompletions) -> None:
        for token in effect.tokens:
            values = {"rule": effect.rule, "key": effect.key, "attempt": effect.attempt, "until": effect.until}
            statement = self._store.upsert(completion).values(token=token, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["token"], set_=values))
        connection.execute(delete(completion).where(completion.c.until < effect.until - _KEPT_S))


class SqlTimers:
    """Timers in the store: each is taken by one worker for a while, and comes again unless it was ended."""

    def __init__(self, store: Store, *, now: Callable[[], float], leased_s: float = 20.0) -> None:
        self._store = store
        self._now = now
        self.leased_s = leased_s

    def send(self, sent: Timer, delay_s: float) -> None:
        """One that comes after a delay; sent twice, it is one."""
        values = {"due_at": self._now() + delay_s}
        statement = self._store.upsert(timer).values(token=sent.token, rule=sent.rule, key=sent.key, **values)
        with self._store.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["token", "rule", "key"], set_=values))

    def take(self, most: int) -> list[Timer]:
        """Those that are due, hidden from others while they are handled."""
        now = self._now()
        with self._store.write() as connection:
            statement = select(timer).where(timer.c.due_at <= now).order_by(timer.c.due_at).limit(most)
            rows = connection.execute(statement.with_for_update(skip_locked=True)).all()
            found = [Timer(row.rule, row.key, row.token) for row in rows]
            for one in found:
                connection.execute(update(timer).where(_is(one)).values(due_at=now + self.leased_s))
        return found

    def renew(self, one: Timer) -> None:
        """It is still being handled."""
        self.defer(one, self.leased_s)

    def end(self, one: Timer) -> None:
        """It is over."""
        with self._store.write() as connection:
            connection.execute(delete(timer).where(_is(one)))

    def defer(self, one: Timer, after_s: float) -> None:
        """It comes again."""
        with self._store.write() as connection:
            connection.execute(update(timer).where(_is(one)).values(due_at=self._now() + after_s))


def _is(one: Timer) -> Any:
    return (timer.c.token == one.token) & (timer.c.rule == one.rule) & (timer.c.key == one.key)


def _read(connection: Connection, rule: str, key: str, *, lock: bool = False) -> Item | None:
    statement = select(item).where(item.c.rule == rule, item.c.key == key)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return _item(row) if row else None


def _write(connection: Connection, after: Item) -> None:
    where = (item.c.rule == after.rule) & (item.c.key == after.key)
    connection.execute(update(item).where(where).values(**_columns(after)))


def _columns(one: Item) -> dict[str, Any]:
    values = {part.name: getattr(one, part.name) for part in fields(one) if part.name not in ("rule", "key")}
    return values | {
        "pending": canonical_json(list(one.pending)),
        "summary": canonical_json(asdict(one.summary)),
        "held": canonical_json(asdict(one.held)),
    }


def _item(row: Row[Any]) -> Item:
    plain = {part.name: getattr(row, part.name) for part in fields(Item)}
    plain |= {
        "pending": tuple(json.loads(row.pending)),
        "summary": _summary(json.loads(row.summary)),
        "held": _summary(json.loads(row.held)),
    }
    return Item(**plain)


def _summary(plain: dict[str, Any]) -> Summary:
    return Summary(**plain | {"folders": tuple(plain["folders"]), "samples": tuple(plain["samples"])})
