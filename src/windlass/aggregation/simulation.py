"""A stream of events through a rule on a virtual clock: what would be done, covered and paid, by this design and the first.

The protocol, the rules and the tally are the ones that run; only time, queue and action are made up. Events are taken for
received when they happened (plus `lag_s`), in receives of ten and a worker that gathers as configured.
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

__all__ = ["PRICES", "Design", "Simulation", "made_up", "simulate"]

_MONTH_S = 30 * 86_400
_IDLE_POLL_S = 20.0
_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class _Prices:
    """US dollars a million in us-east-1 (price lists of 2026-11-20): standard SQS, Lambda (128 MB for 50 ms), DynamoDB on demand."""

    sqs: float = 0.40
    lambda_requests: float = 0.20
    lambda_gb_s: float = 16.6667
    dynamodb_writes: float = 0.625


PRICES = _Prices()


@dataclass(slots=True)
class Design:
    """What a design asks of AWS, and what it does."""

    name: str
    events: int = 0
    lambda_invokes: int = 0
    dynamodb_writes: int = 0
    sqs_requests: int = 0
    actions: int = 0

    def monthly(self, seconds: float) -> float:
        """US dollars in a month of events like these, over so many seconds."""
        millions = _MONTH_S / max(seconds, 1.0) / 1e6
        invoke = PRICES.lambda_requests + 0.125 * 0.05 * PRICES.lambda_gb_s
        each = (
            self.sqs_requests * PRICES.sqs
            + self.dynamodb_writes * PRICES.dynamodb_writes
            + self.lambda_invokes * invoke
        )
        return each * millions


@dataclass(slots=True)
class Simulation:
    """What came of a stream."""

    events: int = 0
    matched: int = 0
    covered: int = 0
    keys: int = 0
    seconds: float = 0.0
    worst_s: float = 0.0
    p99_s: float = 0.0
    least_gap_s: float = math.inf
    actions: list[tuple[float, str, int]] = field(default_factory=list)
    ours: Design = field(default_factory=lambda: Design("windlass"))
    published: Design = field(default_factory=lambda: Design("one Lambda per event"))


def made_up(*, rate: float, seconds: float, buckets: int = 1, folders: int = 10) -> Iterator[ObjectEvent]:
    """Creations at an even rate, over some buckets and folders."""
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
    """Run the stream through; events without a time follow the one before them."""
    return _World(rule, lag_s, action_s).run(events)


class _World:
    def __init__(self, rule: AggregationRule, lag_s: float, action_s: float) -> None:
        self._rule, self._pace = rule, rule.config.pace
        self._lag_s, self._action_s = lag_s, action_s
        self._table = MemoryTable()
        self._now = 0.0
        self._found = Simulation()
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []
        self._waiting: dict[str, list[float]] = {}
        self._latencies: list[float] = []
        self._last: dict[str, float] = {}
        self._hands = ProtocolHandlers(
            self._table, self._send, self._act, now=lambda: self._now, monotonic=lambda: self._now
        )

    def run(self, events: Iterable[ObjectEvent]) -> Simulation:
        found, first, last = self._found, 0.0, 0.0
        until: dict[str, float] = {}
        batch: list[tuple[float, ObjectEvent]] = []
        for event in events:
            at = event.at.timestamp() if event.at else last
            last = max(last, at)
            first = first or at
            found.events += 1
            found.published.lambda_invokes += 1
            found.ours.sqs_requests += 1  # S3's send, for the rule or not
            key = self._rule.key_of(event)
            if key is None:
                continue
            found.matched += 1
            self._publish(until, key, at)
            if batch and at - batch[0][0] > self._rule.config.batch_window_s:
                self._flush(batch)
                batch = []
            batch.append((at, event))
        self._flush(batch)
        self._fire_until(math.inf)
        return self._sum_up(max(last - first, 1.0))

    def _publish(self, until: dict[str, float], key: str, at: float) -> None:
        """The first design: a conditional write per event; when it holds, a delayed message, its receive and its delete."""
        design = self._found.published
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
        # Timers that are due while it gathers come first, then the batch is counted.
        self._fire_until(since + self._rule.config.batch_window_s)
        self._now = max(self._now, since + self._rule.config.batch_window_s)
        tallies: dict[tuple[str, str], EventTally] = {}
        for number, (at, event) in enumerate(batch):
            add_events(tallies, (self._rule,), f"m{next(self._order)}-{number}", (event,))
            key = self._rule.key_of(event)
            assert key is not None
            self._waiting.setdefault(key, []).append(at)
        for (name, key), tally in tallies.items():
            self._found.ours.dynamodb_writes += 1
            steps = count(
                self._pace, name, key, tally.ids.keys(), tally.events, tally.summary, since=since, now=self._now
            )
            run_protocol(steps, self._hands)
        spread = max(batch[-1][0] - batch[0][0], _POLL_S)
        polls = math.ceil(len(batch) / 10) + math.ceil(spread / _POLL_S / 2)
        self._found.ours.sqs_requests += polls + math.ceil(len(batch) / 10)

    def _fire_until(self, moment: float) -> None:
        while self._timers and self._timers[0][0] <= moment:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            self._found.ours.sqs_requests += 1  # its receive
            verdict = run_protocol(on_timer(self._pace, timer, lambda: f"a{next(self._order)}"), self._hands)
            self._found.ours.dynamodb_writes += 1  # a claim; the rest is counted where it is made
            self._found.ours.sqs_requests += 1  # its delete, or its visibility
            if isinstance(verdict, DeferTimer):
                heapq.heappush(self._timers, (self._now + verdict.after_s, next(self._order), timer))

    def _send(self, timer: Timer, delay_s: int) -> None:
        self._found.ours.sqs_requests += 1
        heapq.heappush(self._timers, (self._now + delay_s, next(self._order), timer))

    def _act(self, asked: RunAction) -> ActionOutcome:
        found = self._found
        found.ours.actions += 1
        found.ours.dynamodb_writes += 2  # commit, disarm
        found.actions.append((self._now, asked.key, asked.summary.events))
        if asked.key in self._last:
            found.least_gap_s = min(found.least_gap_s, self._now - self._last[asked.key])
        self._last[asked.key] = self._now
        waiting = self._waiting.get(asked.key, [])
        self._latencies += [self._now - at for at in waiting if at <= self._now]
        self._waiting[asked.key] = [at for at in waiting if at > self._now]
        self._now += self._action_s
        return ActionCompleted()

    def _sum_up(self, seconds: float) -> Simulation:
        found = self._found
        found.seconds = seconds
        found.keys = len(self._waiting)
        found.ours.events = found.published.events = found.events
        found.covered = len(self._latencies)
        if self._latencies:
            ordered = sorted(self._latencies)
            found.worst_s = ordered[-1]
            found.p99_s = ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]
        found.ours.sqs_requests += math.ceil(seconds / _IDLE_POLL_S)
        return found
