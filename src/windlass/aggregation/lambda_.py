"""Aggregation as a Lambda function: the engine behind SQS event sources, EventBridge and a schedule.

One function may have all sources: the queue of object events, the queue of timers (both with ReportBatchItemFailures),
completion events and a schedule from EventBridge. A timer that arrives too early is hidden by its visibility timeout and reported
as failed, so no new message is sent for it: Lambda stops functions that feed their own queue.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from windlass.aggregation.completions import completion_of
from windlass.aggregation.effects import DeferTimer
from windlass.aggregation.tally import EventTally
from windlass.aggregation.timers import read_timer
from windlass.aggregation.window_engine import WindowEngine
from windlass.core.errors import WindlassError
from windlass.events import ObjectEvent, Unrecognised, read_events
from windlass.observe.log import logger

__all__ = ["make_handler"]

PostponeMessage = Callable[[str, str, int], None]
"""`postpone(queue_arn, receipt_handle, seconds)` sets a message's visibility."""


def make_handler(engine: WindowEngine, postpone: PostponeMessage) -> Callable[[Any, Any], Any]:
    """Return the Lambda entry point of an engine."""
    log = logger("aggregation")

    def handle(event: Any, context: Any) -> Any:  # noqa: ARG001  Lambda's signature
        records = event.get("Records") if isinstance(event, Mapping) else None
        if isinstance(records, list) and any(_is_sqs(record) for record in records):
            failed = _TimerBatch(engine, postpone).handle([record for record in records if _is_sqs(record)])
            return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
        token = completion_of(event) if isinstance(event, Mapping) else ""
        if token:
            return {"completed": engine.complete(token)}
        if isinstance(event, Mapping) and event.get("detail-type") == "Scheduled Event":
            return {"repaired_timers": engine.repair_timers()}
        _count_direct(engine, event)
        log.debug("event.counted")
        return {}

    return handle


def _receive_count(record: Mapping[str, Any]) -> int:
    return int((record.get("attributes") or {}).get("ApproximateReceiveCount", 1))


def _sent_at(record: Mapping[str, Any], now: float) -> float:
    """Return when a message was sent, in epoch seconds; `now` when the time is missing or in the future."""
    sent_ms = int((record.get("attributes") or {}).get("SentTimestamp", 0))
    return min(now, sent_ms / 1000) if sent_ms else now


def _is_sqs(record: Any) -> bool:
    return isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs"


def _count_direct(engine: WindowEngine, event: Any) -> None:
    """Count events of a direct invocation by S3 or EventBridge. An error is raised, and Lambda retries the event."""
    events = [reading for reading in read_events(event) if isinstance(reading, ObjectEvent)]
    tallies: dict[tuple[str, str], EventTally] = {}
    name = (
        next((object_event.request_id for object_event in events if object_event.request_id), "")
        or f"direct-{time.time_ns()}"
    )
    engine.tally(tallies, name, events)
    for (rule, key), tally in tallies.items():
        engine.count(rule, key, tally, since=time.time())


class _TimerBatch:
    """One batch of an SQS event source: object events are counted together, timers and completions one by one."""

    def __init__(self, engine: WindowEngine, postpone: PostponeMessage) -> None:
        self._engine, self._postpone = engine, postpone
        self._failed: dict[str, None] = {}
        self._log = logger("aggregation")

    def handle(self, records: list[Mapping[str, Any]]) -> list[str]:
        """Return the ids of the messages to redeliver."""
        # The window begins when the first message was sent: the event source's batching window is part of it.
        now = time.time()
        since = min((_sent_at(record, now) for record in records), default=now)
        tallies: dict[tuple[str, str], EventTally] = {}
        for record in records:
            try:
                if not self._handle_timer_or_completion(record):
                    self._add(tallies, record)
            except WindlassError as error:
                self._log.warning(
                    "message.failed", message_id=record["messageId"], error=error.message, hint=error.hint
                )
                self._failed[record["messageId"]] = None
        for (rule, key), tally in tallies.items():
            try:
                self._engine.count(rule, key, tally, since=since)
            except WindlassError as error:
                self._log.warning("count.failed", rule=rule, key=key, error=error.message, hint=error.hint)
                self._failed |= tally.ids
        return list(self._failed)

    def _add(self, tallies: dict[tuple[str, str], EventTally], record: Mapping[str, Any]) -> None:
        readings = read_events(record["body"])
        events = [reading for reading in readings if isinstance(reading, ObjectEvent)]
        if not events and any(isinstance(reading, Unrecognised) for reading in readings):
            self._log.warning("message.unrecognised", message_id=record["messageId"])
            self._failed[record["messageId"]] = None  # the queue's redrive policy moves it to the dead-letter queue
        self._engine.tally(tallies, record["messageId"], events)

    def _handle_timer_or_completion(self, record: Mapping[str, Any]) -> bool:
        """Handle a timer or a completion; return False for any other message."""
        timer = read_timer(record["body"])
        if timer is not None:
            verdict = self._engine.on_timer(timer, receives=_receive_count(record))
            if isinstance(verdict, DeferTimer):
                self._failed[record["messageId"]] = None
                seconds = max(1, min(43_200, math.ceil(verdict.after_s)))
                self._postpone(record["eventSourceARN"], record["receiptHandle"], seconds)
            return True
        token = completion_of(record["body"])
        if token:
            self._engine.complete(token)
        return bool(token)
