"""Queues, messages and consumers as rows of listings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from windlass.present.output import Column, Format

if TYPE_CHECKING:
    from windlass.queues.address import Queue
    from windlass.queues.report import ConsumerRow, DeadLetterQueue, Depth, Peeked

__all__ = [
    "CONSUMER_COLUMNS",
    "DEAD_LETTER_COLUMNS",
    "DEPTH_COLUMNS",
    "MESSAGE_COLUMNS",
    "consumer_row",
    "dead_letter_row",
    "message_row",
    "queue_row",
]

_MAX_BODY = 160  # characters of a body in a table: more would push the other columns off the screen

DEPTH_COLUMNS: tuple[object, ...] = (
    "name",
    Column("visible", right=True),
    Column("in_flight", "IN FLIGHT", right=True),
    Column("delayed", right=True),
    Column("dead_letter_queue", "DEAD LETTERS"),
)
CONSUMER_COLUMNS: tuple[object, ...] = (
    Column("name", "CONSUMER"),
    "state",
    "handler",
    "host",
    Column("pid", right=True),
    Column("done", right=True),
    Column("failed", right=True),
    Column("rejected", right=True),
    "started_at",
)
MESSAGE_COLUMNS: tuple[object, ...] = (
    "message_id",
    Column("sent_at", "SENT"),
    Column("receive_count", "RECEIVED", right=True),
    "reason",
    "body",
)
DEAD_LETTER_COLUMNS: tuple[object, ...] = (
    "queue",
    "dead_letter_queue",
    Column("max_receive_count", "MAX RECEIVES", right=True),
    Column("waiting", right=True),
)


def queue_row(queue: Queue, depth: Depth) -> dict[str, Any]:
    """Return a queue and its depth as a row."""
    return {
        "name": queue.name,
        "arn": queue.arn,
        "visible": depth.visible,
        "in_flight": depth.in_flight,
        "delayed": depth.delayed,
        "oldest_s": depth.oldest_s,
        "dead_letter_queue": queue.dead_letter_name,
        "max_receive_count": queue.max_receive_count,
    }


def consumer_row(consumer: ConsumerRow, now: datetime) -> dict[str, Any]:
    """Return a consumer as a row, with its state at `now`."""
    return {
        "name": consumer.name,
        "state": consumer.state(now),
        "handler": consumer.handler,
        "host": consumer.host,
        "pid": str(consumer.pid),
        "started_at": consumer.started_at,
        **consumer.counts,
    }


def message_row(message: Peeked, output: Format) -> dict[str, Any]:
    """Return a message as a row; a table gets the beginning of its body."""
    row = asdict(message)
    if output is Format.TABLE and len(row["body"]) > _MAX_BODY:
        row["body"] = row["body"][: _MAX_BODY - 1] + "…"
    return row


def dead_letter_row(pair: DeadLetterQueue) -> dict[str, Any]:
    """Return a queue and its dead-letter queue as a row."""
    return {**asdict(pair), "waiting": pair.waiting if pair.waiting >= 0 else "queue does not exist"}
