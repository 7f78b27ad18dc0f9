"""The tables of queues and all queries on them: consumers, samples, failures, idempotency keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time, parse_time
from windlass.queues.report import ConsumerRow, Failure, Sample
from windlass.store.engine import Store
from windlass.store.metadata import Json, Message, Time, metadata

__all__ = [
    "add_failure",
    "begin_work",
    "end_work",
    "forget_old",
    "list_consumers",
    "list_failures",
    "list_samples",
    "put_consumer",
    "renew_work",
    "stop_consumer",
]

_Serial = BigInteger().with_variant(Integer, "sqlite")
_KEPT_FAILURES = 1000

consumer = Table(
    "queue_consumer",
    metadata,
    Column("consumer_id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("queue_arn", String(200), nullable=False),
    Column("handler", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("seen_at", Time, nullable=False),
    Column("stopped_at", Time),
    Column("counts", Json, nullable=False),
)
sample = Table(
    "queue_sample",
    metadata,
    Column("consumer_id", String(40), primary_key=True),
    Column("at", Time, primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("in_flight", BigInteger, nullable=False),
)
failure = Table(
    "queue_failure",
    metadata,
    Column("failure_id", _Serial, primary_key=True, autoincrement=True),
    Column("at", Time, nullable=False),
    Column("queue_arn", String(200), nullable=False),
    Column("message_id", String(100), nullable=False),
    Column("receive_count", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reason", Message, nullable=False),
)
ledger = Table(
    "queue_ledger",
    metadata,
    Column("ledger_key", String(64), primary_key=True),
    Column("state", String(8), nullable=False),
    Column("holder", String(64), nullable=False),
    Column("expires_at", Time, nullable=False),
)


def put_consumer(connection: Connection, store: Store, row: ConsumerRow, taken: Sample) -> None:
    """Insert or update a consumer, and add a sample of its counters."""
    values = {
        "name": row.name,
        "queue_arn": row.queue_arn,
        "handler": row.handler,
        "host": row.host,
        "pid": row.pid,
        "started_at": format_time(row.started_at),
        "seen_at": format_time(row.seen_at),
        "stopped_at": None,
        "counts": canonical_json(dict(row.counts)),
    }
    statement = store.upsert(consumer).values(consumer_id=row.consumer_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["consumer_id"], set_=values))
    numbers = {"received": taken.received, "done": taken.done, "failed": taken.failed, "in_flight": taken.in_flight}
    added = store.upsert(sample).values(consumer_id=row.consumer_id, at=format_time(taken.at), **numbers)
    connection.execute(added.on_conflict_do_nothing())


def stop_consumer(connection: Connection, consumer_id: str, at: datetime) -> None:
    """Record that a consumer stopped in an orderly way."""
    connection.execute(update(consumer).where(consumer.c.consumer_id == consumer_id).values(stopped_at=format_time(at)))


def list_consumers(connection: Connection, *, since: datetime, queue_arn: str = "") -> list[ConsumerRow]:
    """Return the consumers seen since then, the most recently started first."""
    statement = select(consumer).where(consumer.c.seen_at >= format_time(since)).order_by(consumer.c.started_at.desc())
    if queue_arn:
        statement = statement.where(consumer.c.queue_arn == queue_arn)
    return [_consumer(row) for row in connection.execute(statement)]


def list_samples(connection: Connection, consumer_ids: Sequence[str], *, since: datetime) -> list[Sample]:
    """Return the samples of these consumers since then, ordered by time."""
    statement = (
        select(sample)
        .where(sample.c.consumer_id.in_(list(consumer_ids)), sample.c.at >= format_time(since))
        .order_by(sample.c.at)
    )
    return [
        Sample(row.consumer_id, parse_time(row.at), row.received, row.done, row.failed, row.in_flight)
        for row in connection.execute(statement)
    ]


def add_failure(connection: Connection, message: Failure) -> None:
    """Add a message whose handler failed."""
    connection.execute(
        insert(failure).values(
            at=format_time(message.at),
            queue_arn=message.queue_arn,
            message_id=message.message_id,
            receive_count=message.receive_count,
            kind=message.kind,
            reason=message.reason,
        )
    )


def list_failures(connection: Connection, *, queue_arn: str = "", limit: int = 100) -> list[Failure]:
    """Return the latest failures, the latest first."""
    statement = select(failure).order_by(failure.c.failure_id.desc()).limit(limit)
    if queue_arn:
        statement = statement.where(failure.c.queue_arn == queue_arn)
    return [
        Failure(parse_time(row.at), row.queue_arn, row.message_id, row.receive_count, row.kind, row.reason)
        for row in connection.execute(statement)
    ]


def forget_old(connection: Connection, now: datetime) -> None:
    """Delete samples older than an hour, consumers not seen for a day, all but the last 1,000 failures, and expired keys."""
    connection.execute(delete(sample).where(sample.c.at < format_time(now - timedelta(hours=1))))
    connection.execute(delete(consumer).where(consumer.c.seen_at < format_time(now - timedelta(days=1))))
    kept = select(failure.c.failure_id).order_by(failure.c.failure_id.desc()).offset(_KEPT_FAILURES).limit(1)
    oldest = connection.execute(kept).scalar()
    if oldest is not None:
        connection.execute(delete(failure).where(failure.c.failure_id <= oldest))
    connection.execute(delete(ledger).where(ledger.c.expires_at < format_time(now)))


def begin_work(
    connection: Connection, store: Store, key: str, token: str, now: datetime, until: datetime
) -> tuple[str, datetime]:
    """Take a key for one attempt: return `mine`, `busy` (another attempt has it) or `done`, and until when. One statement decides."""
    moment, end = format_time(now), format_time(until)
    taken = store.upsert(ledger).values(ledger_key=key, state="busy", holder=token, expires_at=end)
    connection.execute(
        taken.on_conflict_do_update(
            index_elements=["ledger_key"],
            set_={"state": "busy", "holder": token, "expires_at": end},
            where=ledger.c.expires_at < moment,
        )
    )
    row = connection.execute(select(ledger).where(ledger.c.ledger_key == key)).one()
    state = "mine" if (row.state, row.holder) == ("busy", token) else str(row.state)
    return state, parse_time(row.expires_at)


def renew_work(connection: Connection, key: str, token: str, until: datetime) -> None:
    """Extend a key. Does nothing unless `token` holds it."""
    own_entry = and_(ledger.c.ledger_key == key, ledger.c.holder == token, ledger.c.state == "busy")
    connection.execute(update(ledger).where(own_entry).values(expires_at=format_time(until)))


def end_work(connection: Connection, key: str, token: str, *, until: datetime | None) -> None:
    """Mark a key as done until then, or free it (None). Does nothing unless `token` holds it."""
    own_entry = and_(ledger.c.ledger_key == key, ledger.c.holder == token, ledger.c.state == "busy")
    if until is None:
        connection.execute(delete(ledger).where(own_entry))
    else:
        connection.execute(update(ledger).where(own_entry).values(state="done", expires_at=format_time(until)))


def _consumer(row: Row[Any]) -> ConsumerRow:
    counts: Mapping[str, int] = json.loads(row.counts)
    return ConsumerRow(
        row.consumer_id,
        row.name,
        row.queue_arn,
        row.handler,
        row.host,
        row.pid,
        parse_time(row.started_at),
        parse_time(row.seen_at),
        parse_time(row.stopped_at) if row.stopped_at else None,
        counts,
    )
