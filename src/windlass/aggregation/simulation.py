"""A simulation of a rule on a virtual clock: actions, coverage and cost of this design and of one Lambda call per event.

It runs the real protocol, rules and tally; time, queue and action are simulated. An event is received `lag_s` after it
happened, in receives of ten, by a worker that collects as configured.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from windlass.aggregation.effects import ActionCompleted, ActionOutcome, DeferTimer, RunAction
from windlass.aggregation.interpreter import ProtocolHandlers, run_protocol
from windlass.aggregation.model import Timer
from windlass.aggregation.protocol import count, on_timer
from windlass.aggregation.rules import AggregationRule
from windlass.aggregation.tables.memory import MemoryTable
from windlass.aggregation.tally import EventTally, add_events
from windlass.events import Kind, ObjectEvent

__all__ = ["PRICES", "Design", "Simulation", "simulate", "synthetic_events"]

_MONTH_S = 30 * 86_400
_IDLE_POLL_S = 20.0
_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class _Prices:
    """US dollars per million in us-east-1 (price lists of 2026-11-20): standard SQS, Lambda (128 MB for 50 ms), DynamoDB on demand."""

    sqs: float = 0.40
    lambda_requests: float = 0.20
    lambda_gb_s: float = 16.6667
    dynamodb_writes: float = 0.625


PRICES = _Prices()


@dataclass(slots=True)
class Design:
    """The AWS requests of a design, and the actions that it runs."""

    name: str
    events: int = 0
    lambda_invokes: int = 0
    dynamodb_writes: int = 0
    sqs_requests: int = 0
    actions: int = 0

    def monthly(self, seconds: float) -> float:
        """Return US dollars per month, given that these events took so many seconds."""
        millions = _MONTH_S / max(seconds, 1.0) / 1e6
        invoke = PRICES.lambda_requests + 0.125 * 0.05 * PRICES.lambda_gb_s
        cost_per_event = (
            self.sqs_requests * PRICES.sqs
            + self.dynamodb_writes * PRICES.dynamodb_writes
            + self.lambda_invokes * invoke
        )
        return cost_per_event * millions


@dataclass(slots=True)
class Simulation:
    """The result of a simulation."""

    events: int = 0
    matched: int = 0
    covered: int = 0
    keys: int = 0
    seconds: float = 0.0
    worst_s: float = 0.0
    p99_s: float = 0.0
    min_gap_s: float = math.inf
    actions: list[tuple[float, str, int]] = field(default_factory=list)
    ours: Design = field(default_factory=lambda: Design("windlass"))
    published: Design = field(default_factory=lambda: Design("one Lambda per event"))


def synthetic_events(*, rate: float, seconds: float, buckets: int = 1, folders: int = 10) -> Iterator[ObjectEvent]:
    """Yield creations at an even rate, over some buckets and folders."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(int(rate * seconds)):
        key = f"folder-{number % folders:03}/object-{number:08}"
        yield ObjectEvent(
            kind=Kind.CREATED,
            name="ObjectCreated:Put",
            bucket=f"bucket-{number % buckets}",
            key=key,
            size_bytes=1024,
            at=start + timedelta(seconds=number / rate),
        )


def simulate(
    rule: AggregationRule, events: Iterable[ObjectEvent], *, lag_s: float = 1.0, action_s: float = 0.5
) -> Simulation:
    """Simulate the rule on a stream of events. An event without a time takes the time of the one before."""
    return _World(rule, lag_s, action_s).run(events)


class _World:
    def __init__(self, rule: AggregationRule, lag_s: float, action_s: float) -> None:
        self._rule, self._pace = rule, rule.config.pace
        self._lag_s, self._action_s = lag_s, action_s
        self._table = MemoryTable()
        self._now = 0.0
        self._result = Simulation()
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []
        self._waiting: dict[str, list[float]] = {}
        self._latencies: list[float] = []
        self._last: dict[str, float] = {}
        self._handlers = ProtocolHandlers(
            self._table, self._send, self._act, now=lambda: self._now, monotonic=lambda: self._now
        )

    def run(self, events: Iterable[ObjectEvent]) -> Simulation:
        result, first, last = self._result, 0.0, 0.0
        until: dict[str, float] = {}
        batch: list[tuple[float, ObjectEvent]] = []
        for event in events:
            at = event.at.timestamp() if event.at else last
            last = max(last, at)
            first = first or at
            result.events += 1
            result.published.lambda_invokes += 1
            result.ours.sqs_requests += 1  # S3's send, whether the rule matches or not
            key = self._rule.key_of(event)
            if key is None:
                continue
            result.matched += 1
            self._publish(until, key, at)
            if batch and at - batch[0][0] > self._rule.config.batch_window_s:
                self._flush(batch)
                batch = []
            batch.append((at, event))
        self._flush(batch)
        self._fire_until(math.inf)
        return self._sum_up(max(last - first, 1.0))

    def _publish(self, until: dict[str, float], key: str, at: float) -> None:
        """Simulate one Lambda call per event: a conditional write; if it succeeds, a delayed message, its receive and its delete."""
        design = self._result.published
        design.dynamodb_writes += 1
        if at > until.get(key, -math.inf):
            until[key] = at + self._rule.config.window_s
            design.sqs_requests += 3
            design.lambda_invokes += 1
            design.actions += 1

    def _flush(self, batch: list[tuple[float, ObjectEvent]]) -> None:
        if not batch:
            return
        since = batch[0][0] + self._lag_s
        self._fire_until(since)
        # Timers that are due while the worker collects come first, then the batch is counted.
        self._fire_until(since + self._rule.config.batch_window_s)
        self._now = max(self._now, since + self._rule.config.batch_window_s)
        tallies: dict[tuple[str, str], EventTally] = {}
        for number, (at, event) in enumerate(batch):
            add_events(tallies, (self._rule,), f"m{next(self._order)}-{number}", (event,))
            key = self._rule.key_of(event)
            assert key is not None
            self._waiting.setdefault(key, []).append(at)
        for (name, key), tally in tallies.items():
            self._result.ours.dynamodb_writes += 1
            steps = count(
                self._pace, name, key, tally.ids.keys(), tally.events, tally.summary, since=since, now=self._now
            )
            run_protocol(steps, self._handlers)
        spread = max(batch[-1][0] - batch[0][0], _POLL_S)
        polls = math.ceil(len(batch) / 10) + math.ceil(spread / _POLL_S / 2)
        self._result.ours.sqs_requests += polls + math.ceil(len(batch) / 10)

    def _fire_until(self, moment: float) -> None:
        while self._timers and self._timers[0][0] <= moment:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            self._result.ours.sqs_requests += 1  # its receive
            verdict = run_protocol(on_timer(self._pace, timer, lambda: f"a{next(self._order)}"), self._handlers)
            self._result.ours.dynamodb_writes += 1  # a claim; other writes are counted where they are made
            self._result.ours.sqs_requests += 1  # its delete, or its visibility
            if isinstance(verdict, DeferTimer):
                heapq.heappush(self._timers, (self._now + verdict.after_s, next(self._order), timer))

    def _send(self, timer: Timer, delay_s: int) -> None:
        self._result.ours.sqs_requests += 1
        heapq.heappush(self._timers, (self._now + delay_s, next(self._order), timer))

    def _act(self, effect: RunAction) -> ActionOutcome:
        result = self._result
        result.ours.actions += 1
        result.ours.dynamodb_writes += 2  # commit, disarm
        result.actions.append((self._now, effect.key, effect.summary.events))
        if effect.key in self._last:
            result.min_gap_s = min(result.min_gap_s, self._now - self._last[effect.key])
        self._last[effect.key] = self._now
        waiting = self._waiting.get(effect.key, [])
        self._latencies += [self._now - at for at in waiting if at <= self._now]
        self._waiting[effect.key] = [at for at in waiting if at > self._now]
        self._now += self._action_s
        return ActionCompleted()

    def _sum_up(self, seconds: float) -> Simulation:
        result = self._result
        result.seconds = seconds
        result.keys = len(self._waiting)
        result.ours.events = result.published.events = result.events
        result.covered = len(self._latencies)
        if self._latencies:
            ordered = sorted(self._latencies)
            result.worst_s = ordered[-1]
            result.p99_s = ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]
        result.ours.sqs_requests += math.ceil(seconds / _IDLE_POLL_S)
        return result
