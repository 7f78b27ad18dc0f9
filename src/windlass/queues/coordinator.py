"""The consumer's decisions, without I/O: receive, start, extend, settle, and stop. It joins the state machines of this package.

Inputs are method calls with the time (seconds of the lease clock); outputs are effects (model.py). The asyncio driver
(driver.py) and the simulator (tests/queues/simulator.py) run exactly this code.

Invariants, for any order of inputs:
- a message is deleted only after its handler returned while its lease lived. A handler that outlives its lease is cancelled;
- at most `concurrency + prefetch` messages are in flight, those of receives without a response included;
- a large payload is deleted only after SQS confirmed that its message is deleted, and never when the message was rejected;
- once a failure has set a message's back-off, no extension overwrites it;
- after `stop` nothing is received, and messages that a long poll still returns go back to the queue at once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

from windlass.queues.leases import Phase
from windlass.queues.model import (
    AbortPolls,
    Cancel,
    ChangeVisibility,
    Counts,
    Effect,
    Limits,
    Outcome,
    Start,
    Stopped,
)
from windlass.queues.polling import Polling
from windlass.queues.settlement import Settlement
from windlass.queues.shutdown import Shutdown, Stage
from windlass.wire.sqs import BATCH, Failed, Message

__all__ = ["Coordinator"]


class Coordinator:
    """The state of one consumer."""

    def __init__(self, limits: Limits, rng: random.Random | None = None) -> None:
        rng = rng or random.Random()  # noqa: S311  jitter
        self.limits = limits
        self.counts = Counts()
        self.stopping = self.stopped = False
        self._effects: list[Effect] = []
        self.polling = Polling(limits, self.counts, rng)
        self.settlement = Settlement(limits, self.counts, rng, self._effects)
        self.leases, self.outbox = self.settlement.leases, self.settlement.outbox
        self._groups = self.settlement.groups
        self._shutdown = Shutdown(limits)
        self._handlers: set[int] = set()  # leases whose handler runs, those that ended included
        self._full_since: float | None = None

    # Outputs

    def take_effects(self) -> list[Effect]:
        """Return the effects to perform now, in order. Each is returned once."""
        effects = self._effects.copy()
        self._effects.clear()
        return effects

    def next_wake(self) -> float | None:
        """Return when `tick` is due at the latest; None while only an input can change anything."""
        if self.stopped:
            return None
        wake_at = min(self.leases.scan_at, self.outbox.wake_at)
        if self.stopping:
            wake_at = min(wake_at, self._shutdown.deadline, self.polling.abort_at)
        elif self.polling.wake_at < wake_at:
            wake_at = self.polling.wake_at
        return None if wake_at == math.inf else wake_at

    @property
    def in_flight(self) -> int:
        """Messages that wait or are being handled."""
        return len(self._handlers) + self.leases.waiting

    @property
    def running(self) -> int:
        """Handlers that run, including those that no longer hold their message."""
        return len(self._handlers)

    @property
    def hung(self) -> int:
        """Handlers that run after their lease ended."""
        return sum(not self.leases.running(number) for number in self._handlers)

    def stalled_s(self, now: float) -> float:
        """Return for how many seconds every slot has been taken and no handler has ended; 0 while a slot is free."""
        return 0.0 if self._full_since is None else max(0.0, now - self._full_since)

    # Inputs

    def tick(self, now: float) -> None:
        """Record that time has passed."""
        if self.stopped:
            return
        self.settlement.retry(now)
        if now >= self.leases.scan_at:
            self._scan(now)
        if self.stopping:
            self._advance_shutdown(now)
        self._advance(now)

    def received(self, poll: int, messages: Sequence[Message], now: float) -> None:
        """Record the response of a receive."""
        sent_at = self.polling.answered(poll, len(messages), now).sent_at
        for message in messages:
            self._receive(message, sent_at, now)
        self._advance(now)

    def poll_failed(self, poll: int, now: float) -> None:
        """Record that a receive had no response, or an error."""
        self.polling.failed(poll, now)
        self.counts.failed_polls += not self.stopping
        self._advance(now)

    def handled(self, number: int, outcome: Outcome, now: float) -> None:
        """Record the outcome of a handler. It is ignored when its lease has ended."""
        self.all_handled([(number, outcome)], now)

    def all_handled(self, outcomes: Iterable[tuple[int, Outcome]], now: float) -> None:
        """Record the outcomes of several handlers, (lease, outcome) of each, and decide once what they made possible."""
        cancelled = self._shutdown.stage >= Stage.CANCELLED
        for number, outcome in outcomes:
            self._handlers.discard(number)
            lease = self.leases.get(number)
            if lease is None or lease.phase is not Phase.RUNNING:
                continue  # the lease has ended: the message is neither deleted nor returned
            if now >= lease.expires_at:
                self.settlement.lose(lease, now)
            else:
                self.settlement.conclude(lease, outcome, now, cancelled=cancelled)
        self._full_since = None
        self._advance(now)

    def dead_lettered(self, number: int, now: float, *, ok: bool) -> None:
        """Record that a rejected message was sent to the dead-letter queue, or could not be sent."""
        self.settlement.dead_lettered(number, now, ok=ok)
        self._advance(now)

    def deleted(self, call: int, failed: Iterable[Failed], now: float) -> None:
        """Record the response of a batch of deletes; `failed` are the entries that SQS did not delete."""
        self.settlement.deleted(call, failed, now)
        self._advance(now)

    def changed(self, call: int, failed: Iterable[Failed], now: float) -> None:
        """Record the response of a batch of visibility changes; `failed` are the entries that SQS did not change."""
        self.settlement.changed(call, failed, now)
        self._advance(now)

    def call_failed(self, call: int, now: float) -> None:
        """Record that a batch of deletes or visibility changes had no response, or an error for all of it."""
        self.settlement.call_failed(call, now)
        self._advance(now)

    def payload_deleted(self, number: int, now: float, *, ok: bool) -> None:
        """Record that a payload was deleted, or remains because its delete failed. Its message is not affected."""
        self.settlement.payload_deleted(number, ok=ok)
        self._advance(now)

    def due_extensions(self, now: float) -> list[ChangeVisibility]:
        """Return the extensions to send while the event loop is blocked.

        Each is answered with `changed` or `call_failed`. Nothing else is decided: other effects wait for the loop.
        """
        before = len(self._effects)
        self.settlement.extend(self.leases.due_extensions(now), now)
        changes = [effect for effect in self._effects[before:] if isinstance(effect, ChangeVisibility)]
        del self._effects[before:]
        return changes

    def stop(self, now: float) -> None:
        """Start a graceful shutdown: waiting messages return at once, handlers have `drain_s`. Idempotent."""
        if self.stopping:
            return
        self.stopping = True
        self._shutdown.start(now)
        self.polling.stop(now)
        for lease in self.leases.all():
            if lease.phase is Phase.WAITING:
                self.settlement.nack(lease, 0, now)
        self._advance(now)

    # Decisions

    def _receive(self, message: Message, sent_at: float, now: float) -> None:
        self.counts.received += 1
        expires_at = sent_at + self.limits.visibility_s
        held = self.leases.find(message.message_id)
        if held is not None and held.phase is Phase.NACKING:
            self.leases.remove(held)  # the message was returned; only the response is pending
        elif held is not None:
            self.counts.duplicates += 1
            self.leases.received_again(held, message, expires_at)
            return
        lease = self.leases.add(message, expires_at, now)
        dead_lettered = self.settlement.handled.find(message.message_id)
        if dead_lettered is not None:
            self.counts.duplicates += 1
            lease.dead_lettered = dead_lettered
            self.settlement.delete(lease, now)  # handled before: only its deletion is not confirmed
        elif self.stopping:
            self.settlement.nack(lease, 0, now)
        else:
            self._groups.add(lease.number, lease.group)

    def _start_ready(self, now: float) -> None:
        ready, concurrency = self._groups.ready, self.limits.concurrency
        while ready and len(self._handlers) < concurrency:
            lease = self.leases.get(ready.popleft())
            if lease is None or lease.phase is not Phase.WAITING:
                continue
            if now >= lease.expires_at:
                self.settlement.lose(lease, now)
                continue
            self.leases.enter(lease, Phase.RUNNING)
            lease.started_at = now
            self._handlers.add(lease.number)
            self._effects.append(Start(lease.number, lease.message))

    def _scan(self, now: float) -> None:
        """Give up leases that ended, cancel handlers past `max_handling_s`, and extend what ends soon."""
        scan = self.leases.scan(now)
        for lease in scan.expired:
            if lease.phase < Phase.NACKING:  # else it returned with its group, in this loop
                reason = "its lease ended: the visibility timeout could not be extended in time"
                self.settlement.lose(lease, now, cancel=reason)
        for lease in scan.timed_out:
            self.settlement.time_out(lease, now)
        due = [lease for lease in scan.due if lease.phase < Phase.NACKING]
        if due:
            soon = [lease for lease in scan.soon if lease.phase < Phase.NACKING]
            self.settlement.extend(due + soon[: -len(due) % BATCH], now)

    def _advance(self, now: float) -> None:
        """Do everything that the last input made possible."""
        if self.stopped:
            return
        if self.stopping:
            self.settlement.flush(now, partial=True)
            nothing_held = self.outbox.idle and not (len(self.polling) or len(self.leases))
            if nothing_held or self._shutdown.over(now):
                self.stopped = True
                self._effects.append(Stopped())
            return
        if self._groups.ready:
            self._start_ready(now)
        if self._full_since is None and len(self._handlers) >= self.limits.concurrency:
            self._full_since = now
        if self.outbox.deletes or self.outbox.nacks:
            self.settlement.flush(now, partial=not self.in_flight)
        if len(self.polling) < self.polling.pollers:
            in_flight = self.in_flight
            self._effects.extend(self.polling.next_polls(now, in_flight, len(self.leases) - in_flight))

    def _advance_shutdown(self, now: float) -> None:
        aborted = self.polling.abort(now)
        if aborted:
            self._effects.append(AbortPolls(aborted))
        stage = self._shutdown.advance(now)
        if stage is Stage.CANCELLED:
            for number in self._handlers:
                if self.leases.running(number):
                    self._effects.append(Cancel(number, "the consumer stops"))
        elif stage is Stage.ABANDONED:
            for lease in self.leases.all():
                if lease.phase is Phase.RUNNING:
                    self.settlement.nack(lease, 0, now)
