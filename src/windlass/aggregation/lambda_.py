"""Aggregation as a Lambda function: the same engine behind SQS event sources, EventBridge and a schedule.

One function may have all its sources: the queue of object events, the queue of timers (both with ReportBatchItemFailures),
completion events and a schedule from EventBridge. A timer that comes too early is put back by its visibility and reported as
failed, so that no new message is ever made for it: Lambda stops functions that feed their own queue.
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
    """The entry point over an engine."""
    log = logger("aggregation")

    def handle(event: Any, context: Any) -> Any:  # noqa: ARG001  Lambda's signature
        records = event.get("Records") if isinstance(event, Mapping) else None
        if isinstance(records, list) and any(_is_sqs(one) for one in records):
            failed = _TimerBatch(engine, postpone).handle([one for one in records if _is_sqs(one)])
            return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
        token = completion_of(event) if isinstance(event, Mapping) else ""
        if token:
            return {"completed": engine.complete(token)}
        if isinstance(event, Mapping) and event.get("detail-type") == "Scheduled Event":
            return {"repaired_timers": engine.repair_timers()}
        _count_direct(engine, event)
        log.debug("event.counted")
        return {}

    return handle


def _receives(record: Mapping[str, Any]) -> int:
    return int((record.get("attributes") or {}).get("ApproximateReceiveCount", 1))


def _sent_at(record: Mapping[str, Any], now: float) -> float:
    """When a message was sent, in epoch seconds; `now` where that is not told, or a clock says it is to come."""
    sent_ms = int((record.get("attributes") or {}).get("SentTimestamp", 0))
    return min(now, sent_ms / 1000) if sent_ms else now


def _is_sqs(record: Any) -> bool:
    return isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs"


def _count_direct(engine: WindowEngine, event: Any) -> None:
    """S3 or EventBridge called the function itself: what fails is raised, and Lambda tries the event again."""
    events = [one for one in read_events(event) if isinstance(one, ObjectEvent)]
    tallies: dict[tuple[str, str], EventTally] = {}
    name = next((one.request_id for one in events if one.request_id), "") or f"direct-{time.time_ns()}"
    engine.tally(tallies, name, events)
    for (rule, key), tally in tallies.items():
        engine.count(rule, key, tally, since=time.time())


class _TimerBatch:
    """One batch of an SQS event source: object events counted together, timers and completions one by one."""

    def __init__(self, engine: WindowEngine, postpone: PostponeMessage) -> None:
        self._engine, self._postpone = engine, postpone
        self._failed: dict[str, None] = {}
        self._log = logger("aggregation")

    def handle(self, records: list[Mapping[str, Any]]) -> list[str]:
        """The ids of the messages that are to come again."""
        # The window begins when the first message was sent: the mapping's batching window is part of it.
        now = time.time()
        since = min((_sent_at(record, now) for record in records), default=now)
        tallies: dict[tuple[str, str], EventTally] = {}
        for record in records:
            try:
                if not self._special(record):
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
        events = [one for one in readings if isinstance(one, ObjectEvent)]
        if not events and any(isinstance(one, Unrecognised) for one in readings):
            self._log.warning("message.unrecognised", message_id=record["messageId"])
            self._failed[record["messageId"]] = None  # the queue's redrive policy takes it, where it can be looked at
        self._engine.tally(tallies, record["messageId"], events)

    def _special(self, record: Mapping[str, Any]) -> bool:
        """Whether it was a timer or a completion, which are done here."""
        timer = read_timer(record["body"])
        if timer is not None:
            verdict = self._engine.on_timer(timer, receives=_receives(record))
            if isinstance(verdict, DeferTimer):
                self._failed[record["messageId"]] = None
                seconds = max(1, min(43_200, math.ceil(verdict.after_s)))
                self._postpone(record["eventSourceARN"], record["receiptHandle"], seconds)
            return True
        token = completion_of(record["body"])
        if token:
            self._engine.complete(token)
        return bool(token)
