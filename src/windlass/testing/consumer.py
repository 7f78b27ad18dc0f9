"""A handler under the production consumer's decisions, on a virtual clock.

The coordinator that `windlass consume` runs decides about receives, retries, back-offs, extensions, FIFO order and dead
letters. Hours of back-off pass in milliseconds, and every run is the same.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from windlass.queues.coordinator import Coordinator
from windlass.queues.handlers import Handler, await_handler, call_handler, is_async
from windlass.queues.model import (
    AbortPolls,
    Cancel,
    ChangeVisibility,
    DeadLetter,
    Delete,
    DeletePayload,
    Done,
    Effect,
    Limits,
    Outcome,
    Poll,
    Retry,
    Start,
    Stopped,
)
from windlass.queues.received_message import ReceivedMessage
from windlass.testing.queue import FakeQueue
from windlass.wire.sqs import Failed, Message

__all__ = ["Attempt", "Consumption", "consume"]

_DAY_S = 86_400.0
_CANCELLED = Retry("cancelled")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the handler. `at_s` counts from the start; `outcome` is Done, Retry or Rejected (`windlass.queues`)."""

    body: str
    at_s: float
    receive_count: int
    outcome: Outcome


@dataclass(slots=True)
class Consumption:
    """The result of `consume`. `duration_s` is virtual time, until the queue was empty or the time was over."""

    attempts: list[Attempt] = field(default_factory=list)
    duration_s: float = 0.0

    @property
    def done(self) -> list[str]:
        """Bodies whose handler returned, in the order in which they were done."""
        return [attempt.body for attempt in self.attempts if isinstance(attempt.outcome, Done)]


def consume(
    handler: Handler,
    queue: FakeQueue,
    *,
    limits: Limits | None = None,
    handling_s: float | Callable[[ReceivedMessage], float] = 0.0,
    max_virtual_s: float = _DAY_S,
    random_seed: int = 0,
) -> Consumption:
    """Consume `queue` with `handler` until it is empty, or `max_virtual_s` have passed on its clock.

    `limits` are the consumer's (default: as `windlass consume`); the queue's FIFO, visibility and receive limit are
    filled in. `handling_s` is how long the handler takes in virtual time. Raises nothing that the handler raises: it is
    in `Attempt.outcome`.
    """
    chosen = limits or Limits(visibility_s=queue.visibility_s)
    chosen = replace(chosen, fifo=queue.fifo, max_receive_count=queue.max_receive_count)
    duration = handling_s if callable(handling_s) else lambda _: float(handling_s)
    return _Worker(handler, queue, chosen, duration, random_seed).run(max_virtual_s)


class _Worker:
    """Carries the coordinator's effects out at once; only handlers and long polls take virtual time."""

    def __init__(
        self,
        handler: Handler,
        queue: FakeQueue,
        limits: Limits,
        duration: Callable[[ReceivedMessage], float],
        random_seed: int,
    ) -> None:
        self._handler, self._queue, self._duration = handler, queue, duration
        self._coordinator = Coordinator(limits, random.Random(random_seed))  # noqa: S311  jitter that repeats
        self._started_at = queue.clock.now_s
        self._result = Consumption()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._tickets = itertools.count()
        self._running: dict[int, tuple[Message, Outcome]] = {}
        self._polls: dict[int, tuple[Poll, float]] = {}
        self._stopped = False

    def run(self, max_virtual_s: float) -> Consumption:
        self._feed(lambda: self._coordinator.tick(self._now))
        while not self._stopped:
            if not self._coordinator.stopping and (
                not len(self._queue) or self._now - self._started_at >= max_virtual_s
            ):
                self._result.duration_s = min(self._now - self._started_at, max_virtual_s)
                self._feed(lambda: self._coordinator.stop(self._now))
                continue
            self._advance(self._started_at + max_virtual_s)
        return self._result

    @property
    def _now(self) -> float:
        return self._queue.clock.now_s

    def _advance(self, end: float) -> None:
        """Move the clock to the next event, the coordinator's next wake included, and process it."""
        wake = self._coordinator.next_wake()
        due = self._events[0][0] if self._events else None
        moments = [moment for moment in (wake, due, None if self._coordinator.stopping else end) if moment is not None]
        moment = max(self._now, min(moments))
        self._queue.clock.advance(moment - self._now)
        if due is not None and due <= moment:
            _, _, event = heapq.heappop(self._events)
            event()
        else:
            self._feed(lambda: self._coordinator.tick(self._now))

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._tickets), event))

    def _feed(self, feed: Callable[[], None]) -> None:
        feed()
        for effect in self._coordinator.take_effects():
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Start():
                self._start(effect)
            case Cancel():
                self._conclude(effect.lease, _CANCELLED)
            case Poll():
                until = self._now + effect.wait_s
                self._polls[effect.number] = (effect, until)
                self._at(self._now, lambda: self._respond_to_poll(effect.number))
            case AbortPolls():
                for number in effect.numbers:
                    if self._polls.pop(number, None) is not None:
                        self._later(partial(self._fail_poll, number))
            case Stopped():
                self._stopped = True
            case _:
                self._call_queue(effect)

    def _call_queue(self, effect: Delete | ChangeVisibility | DeadLetter | DeletePayload) -> None:
        coordinator, queue = self._coordinator, self._queue
        match effect:
            case Delete():
                failed = _failures([queue.delete(receipt) for _, receipt in effect.entries])
                self._later(lambda: coordinator.deleted(effect.number, failed, self._now))
            case ChangeVisibility():
                failed = _failures(
                    [queue.change_visibility(receipt, after_s) for _, receipt, after_s in effect.entries]
                )
                self._later(lambda: coordinator.changed(effect.number, failed, self._now))
                for number in self._polls:  # a message may be visible again earlier than the poll expects
                    self._respond_later(number)
            case DeadLetter():
                queue.dead_letter(effect.message, effect.reason)
                self._later(lambda: coordinator.dead_lettered(effect.lease, self._now, ok=True))
            case DeletePayload():
                self._later(lambda: coordinator.payload_deleted(effect.number, self._now, ok=True))

    def _fail_poll(self, number: int) -> None:
        self._coordinator.poll_failed(number, self._now)

    def _later(self, feed: Callable[[], None]) -> None:
        """Schedule a response. It is a separate input, which must not be fed while the effects of another input are
        performed.
        """
        self._at(self._now, lambda: self._feed(feed))

    def _respond_to_poll(self, number: int) -> None:
        """Answer a long poll when a message is visible or its wait is over."""
        if number not in self._polls:
            return
        poll, until = self._polls[number]
        messages = self._queue.receive(poll.count, visibility_s=self._coordinator.limits.visibility_s)
        if messages or self._now >= until or not len(self._queue):
            del self._polls[number]
            self._feed(lambda: self._coordinator.received(number, messages, self._now))
        else:
            self._respond_later(number)

    def _respond_later(self, number: int) -> None:
        _, until = self._polls[number]
        visible_at = self._queue.next_visible_at()
        moment = until if visible_at is None or visible_at <= self._now else min(until, visible_at)
        self._at(moment, lambda: self._respond_to_poll(number))

    def _start(self, effect: Start) -> None:
        received = ReceivedMessage(effect.message, effect.message.body)
        duration_s = self._duration(received)
        if is_async(self._handler):
            outcome = asyncio.run(await_handler(self._handler, received))
        else:
            outcome = call_handler(self._handler, received)
        self._running[effect.lease] = (effect.message, outcome)
        self._at(self._now + duration_s, lambda: self._conclude(effect.lease, outcome))

    def _conclude(self, lease: int, outcome: Outcome) -> None:
        running = self._running.pop(lease, None)
        if running is None:
            return  # it was cancelled before its time was over
        message, _ = running
        attempt = Attempt(message.body, self._now - self._started_at, message.receive_count, outcome)
        self._result.attempts.append(attempt)
        self._later(lambda: self._coordinator.handled(lease, outcome, self._now))


def _failures(results: list[Failed | None]) -> list[Failed]:
    return [replace(failed, index=at) for at, failed in enumerate(results) if failed is not None]
