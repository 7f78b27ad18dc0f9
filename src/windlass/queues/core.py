"""The consumer's decisions, without I/O: when to poll, what to start, extend, delete, release, and when to stop.

Inputs come as method calls with the time (monotonic seconds, any origin); what is to be done is collected as effects
(model.py). The asyncio driver (driver.py) and the simulator (tests/queues/simulator.py) run exactly this code.

What holds, whatever the order of inputs:
- a message is deleted only after its handler came to Done while its lease lived;
- a lease lives until `visibility_s` after its receive, or its last confirmed extension, was *sent*: the earliest moment
  at which SQS could give the message to somebody else. A handler that outlives its lease is told to stop;
- no more messages are in hand than `concurrency + prefetch`, those on the way here included;
- a large payload is deleted only after SQS confirmed that its message is deleted, and never when the message was rejected;
- once a failure has set a message's back-off, no extension overwrites it;
- after `stop` nothing new is asked for, and what a long poll still brings goes back at once; one that brings nothing
  within a second is broken off, so that an idle consumer's stop does not wait for it.
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from windlass.queues.model import (
    MAX_VISIBILITY_S,
    AbortPolls,
    Cancel,
    Change,
    Counts,
    DeadLetter,
    Delete,
    DeletePayload,
    Done,
    Effect,
    Limits,
    Outcome,
    Poll,
    Refuse,
    Start,
    Stopped,
)
from windlass.queues.payloads import deletable_payload
from windlass.wire.sqs import BATCH, Failed, Message

__all__ = ["Core"]

_SCAN_S = 1.0
_THIN_POLL_S = 0.02
_FULLS = 10
_CANCEL_GRACE_S = 1.0
_POLL_GRACE_S = 1.0  # what a busy queue has to answer is on the wire by then
_ATTEMPT_S = 240.0  # SQS keeps a ReceiveRequestAttemptId for 5 minutes
_MAX_REMEMBERED = 10_000
_MAX_PAYLOAD_DELETES = 1000  # on the wire: while S3 does not answer, memory must not grow with the messages
_FIRST_RETRY_S, _MAX_RETRY_S = 0.2, 30.0
_GONE = ("ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue", "InvalidIdFormat")


class _Phase(IntEnum):
    WAITING = 0  # received, not started
    RUNNING = 1
    BURYING = 2  # on its way to the dead-letter queue
    DONE = 3  # handled, to be deleted
    RELEASING = 4  # going back to the queue


@dataclass(slots=True, eq=False)
class _Lease:
    number: int
    message: Message
    receipt: str
    group: str
    received_at: float
    expires_at: float
    phase: _Phase = _Phase.WAITING
    started_at: float = 0.0
    busy: int = 0  # visibility changes on the wire
    release_s: int = 0
    tries: int = 0
    newest: int = 0  # the receive count that came with the receipt
    not_before: float = 0.0
    dead_lettered: bool = False  # a copy points to the same payload


@dataclass(slots=True)
class _Call:
    entries: tuple[tuple[int, str], ...]  # lease, receipt
    sent_at: float
    extends: bool = False
    deletes: bool = False


@dataclass(frozen=True, slots=True)
class _Receive:
    count: int
    sent_at: float
    attempt_id: str = ""


class Core:
    """The state of one consumer."""

    def __init__(self, limits: Limits, rng: random.Random | None = None) -> None:
        self.limits = limits
        self.counts = Counts()
        self.stopping = self.stopped = False
        self._rng = rng or random.Random()  # noqa: S311  jitter
        self._effects: list[Effect] = []
        self._leases: dict[int, _Lease] = {}
        self._by_message: dict[str, int] = {}
        self._ready: deque[int] = deque()
        self._groups: dict[str, deque[int]] = {}
        self._runs: set[int] = set()  # leases whose handler runs, those that are no longer ours included
        self._waiting = 0
        self._polls: dict[int, _Receive] = {}
        self._lost_receives: deque[_Receive] = deque()  # of a FIFO queue: to be asked again under the same attempt id
        self._abort_at: float | None = None
        self._reserved = 0
        self._pollers = 1
        self._poll_after = 0.0
        self._poll_failures = 0
        self._poll_at: float | None = 0.0
        self._thin_since = -1.0
        self._fulls = 0
        self._calls: dict[int, _Call] = {}
        self._deletes: list[int] = []
        self._deletes_since = 0.0
        self._releases: list[int] = []
        self._releases_since = 0.0
        self._later: list[tuple[float, int]] = []  # deletes and releases to try again
        self._scan_at = 0.0
        self._scan_every_s = min(_SCAN_S, limits.visibility_s / 10)
        self._numbers = 0
        self._deadline = 0.0  # of the stop's present stage
        self._cancelled = self._abandoned = False
        self._full_since: float | None = None
        # Handled, but not confirmed as deleted, or dead-lettered (True), by message id.
        self._handled: OrderedDict[str, bool] = OrderedDict()
        self._payloads: set[int] = set()  # deletes of payloads on the wire

    # What the driver reads

    def take_effects(self) -> list[Effect]:
        """What is to be done now, in order; each is given once."""
        effects, self._effects = self._effects, []
        return effects

    @property
    def in_hand(self) -> int:
        """Messages waiting or being handled."""
        return len(self._runs) + self._waiting

    @property
    def running(self) -> int:
        """Handlers that run, those that no longer hold their message included."""
        return len(self._runs)

    @property
    def hung(self) -> int:
        """Handlers that run though their message is no longer theirs."""
        return sum(not self._holds(number) for number in self._runs)

    def stalled_s(self, now: float) -> float:
        """Seconds for which every slot has been taken and no handler has concluded; 0 while a slot is free."""
        return 0.0 if self._full_since is None else max(0.0, now - self._full_since)

    @property
    def polling(self) -> int:
        """Receives on the wire."""
        return len(self._polls)

    def next_wake(self) -> float | None:
        """When `tick` is due at the latest; None while nothing waits for time to pass."""
        if self.stopped:
            return None
        moments = [moment for moment, _ in self._later]
        if self._leases:
            moments.append(self._scan_at)
        if self._deletes:
            moments.append(self._deletes_since + self.limits.linger_s)
        if self._releases:
            moments.append(self._releases_since + self.limits.linger_s)
        if self.stopping:
            moments.append(self._deadline)
            if self._abort_at is not None:
                moments.append(self._abort_at)
        elif self._poll_at is not None:
            moments.append(self._poll_at)
        return min(moments, default=None)

    # Inputs

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self.stopped:
            return
        if self._later:
            self._take_up(now)
        if self._leases and now >= self._scan_at:
            self._scan(now)
        if self.stopping:
            self._drain(now)
        self._advance(now)

    def received(self, poll: int, messages: Sequence[Message], now: float) -> None:
        """A poll was answered."""
        receive = self._ended_poll(poll)
        count, sent_at = receive.count, receive.sent_at
        self._poll_failures = 0
        if not messages:
            self.counts.empty_polls += 1
            self._pollers = max(1, self._pollers - 1)
        elif len(messages) >= count and count == min(BATCH, self.limits.capacity):
            # Who gathers has time: one more poller after ten full receives, or those that hang idle would take crumbs.
            self._fulls += 1
            if not self.limits.gather_s or self._fulls % _FULLS == 0:
                self._pollers = min(self.limits.max_pollers, self._pollers + 1)
        elif self.limits.gather_s:
            self._pollers, self._poll_after, self._fulls = 1, now + self.limits.gather_s, 0
        for message in messages:
            self._take_in(message, sent_at, now)
        self._advance(now)

    def poll_failed(self, poll: int, now: float) -> None:
        """A poll brought no answer, or an error: ask again later, the longer the oftener it failed."""
        receive = self._ended_poll(poll)
        if receive.attempt_id:
            self._lost_receives.append(receive)
        self.counts.failed_polls += not self.stopping
        self._poll_failures += 1
        self._pollers = 1
        most = min(_MAX_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self._poll_failures, 10))
        self._poll_after = now + most * (0.5 + self._rng.random() / 2)
        self._advance(now)

    def handled(self, number: int, outcome: Outcome, now: float) -> None:
        """A handler ended."""
        self._runs.discard(number)
        self._full_since = None
        lease = self._leases.get(number)
        if lease is not None and lease.phase is _Phase.RUNNING:  # else it was fenced: neither acknowledged nor released
            if now >= lease.expires_at:
                self._lose(lease, "")
            else:
                self._conclude(lease, outcome, now)
        self._advance(now)

    def buried(self, number: int, now: float, *, ok: bool) -> None:
        """A rejected message was sent to the dead-letter queue, or could not be."""
        lease = self._leases.get(number)
        if lease is not None and lease.phase is _Phase.BURYING:
            if ok:
                self.counts.rejected += 1
                lease.dead_lettered = True
                self._to_delete(lease, now)
            else:
                self._release(lease, self._backoff_s(lease), now)
        self._advance(now)

    def deleted(self, call: int, failed: Iterable[Failed], now: float) -> None:
        """A batch of deletes was answered; `failed` are those that were refused."""
        refused = {one.index: one for one in failed}
        for index, (number, receipt) in enumerate(self._calls.pop(call).entries):
            lease = self._leases.get(number)
            if lease is None:
                continue
            fault = refused.get(index)
            if lease.receipt != receipt:
                self._to_delete(lease, now)  # received again meanwhile: only the newest receipt surely deletes
            elif fault is None:
                self.counts.deleted += 1
                if (
                    not lease.dead_lettered
                ):  # else it stays remembered: a late duplicate must not be handled beside its copy
                    self._handled.pop(lease.message.message_id, None)
                    if self.limits.payload_bucket:
                        self._delete_payload(lease.message)
                self._forget(lease)
            elif fault.ours or fault.code in _GONE:
                self._lose(lease, "")
            else:
                self._again(lease, now)
        self._advance(now)

    def payload_deleted(self, number: int, now: float, *, ok: bool) -> None:
        """Record that a payload was deleted, or remains because its delete failed. Its message is not affected."""
        self._payloads.discard(number)
        if ok:
            self.counts.deleted_payloads += 1
        else:
            self.counts.failed_payload_deletes += 1
        self._advance(now)

    def changed(self, call: int, failed: Iterable[Failed], now: float) -> None:
        """A batch of visibility changes was answered."""
        done = self._calls.pop(call)
        refused = {one.index: one for one in failed}
        for index, (number, receipt) in enumerate(done.entries):
            lease = self._leases.get(number)
            if lease is None:
                continue
            lease.busy -= 1
            fault = refused.get(index)
            if done.extends:
                self._extended(lease, receipt, fault, done.sent_at, now)
            elif lease.receipt != receipt:
                self._to_release(lease, now)
            elif fault is None or fault.ours or fault.code in _GONE:
                self.counts.released += fault is None
                self._forget(lease)
            else:
                self._again(lease, now)
        self._advance(now)

    def call_failed(self, call: int, now: float) -> None:
        """A batch of deletes or changes brought no answer, or an error for all of it."""
        lost = self._calls.pop(call)
        for number, _ in lost.entries:
            lease = self._leases.get(number)
            if lease is None:
                continue
            lease.busy -= not lost.deletes
            if not lost.extends or lease.phase is _Phase.RELEASING:
                if not lease.busy:  # else the answer that is still on its way decides
                    self._again(lease, now)
            else:
                lease.not_before = now + _FIRST_RETRY_S
        self._advance(now)

    def stop(self, now: float) -> None:
        """No more messages: what waits goes back at once, what runs has `drain_s`."""
        if self.stopping:
            return
        self.stopping = True
        self._deadline = now + self.limits.drain_s
        self._abort_at = now + _POLL_GRACE_S
        for lease in [one for one in self._leases.values() if one.phase is _Phase.WAITING]:
            self._release(lease, 0, now)
        self._advance(now)

    # Taking in and starting

    def _ended_poll(self, poll: int) -> _Receive:
        receive = self._polls.pop(poll)
        self._reserved -= receive.count
        return receive

    def _take_in(self, message: Message, sent_at: float, now: float) -> None:
        self.counts.received += 1
        expires_at = sent_at + self.limits.visibility_s
        known = self._leases.get(self._by_message.get(message.message_id, -1))
        if known is not None and known.phase is _Phase.RELEASING:
            self._forget(known)  # it went back, though the answer that says so is still on its way
        elif known is not None:
            # SQS gave us what we hold: the new receipt is the one that deletes it, the handler is not run twice.
            self.counts.duplicates += 1
            if message.receive_count >= known.newest:  # answers may overtake each other
                known.receipt, known.newest = message.receipt, message.receive_count
                known.expires_at = max(known.expires_at, expires_at)
            return
        self._numbers += 1
        group = message.group if self.limits.fifo else ""
        lease = _Lease(self._numbers, message, message.receipt, group, now, expires_at, newest=message.receive_count)
        if not self._leases:
            self._scan_at = now + self._scan_every_s
        self._leases[lease.number] = lease
        self._by_message[message.message_id] = lease.number
        if message.message_id in self._handled:
            self.counts.duplicates += 1
            lease.dead_lettered = self._handled[message.message_id]
            self._to_delete(lease, now)  # done before; only its delete had not come through
        elif self.stopping:
            self._release(lease, 0, now)
        else:
            self._waiting += 1
            self._enqueue(lease)

    def _enqueue(self, lease: _Lease) -> None:
        if not lease.group:
            self._ready.append(lease.number)
            return
        group = self._groups.get(lease.group)
        if group is None:
            self._groups[lease.group] = deque((lease.number,))
            self._ready.append(lease.number)
        else:
            group.append(lease.number)

    def _start_ready(self, now: float) -> None:
        while self._ready and len(self._runs) < self.limits.concurrency and not self.stopping:
            lease = self._leases.get(self._ready.popleft())
            if lease is None or lease.phase is not _Phase.WAITING:
                continue
            if now >= lease.expires_at:
                self._lose(lease, "its lease ended before it could start")
                continue
            lease.phase, lease.started_at = _Phase.RUNNING, now
            self._waiting -= 1
            self._runs.add(lease.number)
            self._effects.append(Start(lease.number, lease.message))
        if self._full_since is None and len(self._runs) >= self.limits.concurrency:
            self._full_since = now

    def _conclude(self, lease: _Lease, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Done):
            self.counts.done += 1
            self._to_delete(lease, now)
        elif isinstance(outcome, Refuse):
            lease.phase = _Phase.BURYING
            self._effects.append(DeadLetter(lease.number, lease.message, outcome.reason))
        else:
            self.counts.failed += not self._cancelled
            after_s = outcome.after_s if outcome.after_s is not None else self._backoff_s(lease)
            self._release(lease, 0 if self._cancelled else after_s, now)

    def _backoff_s(self, lease: _Lease) -> int:
        count = lease.message.receive_count
        if self.limits.max_receive_count and count >= self.limits.max_receive_count:
            return 0  # the next receive moves it to the dead-letter queue: let that be soon
        most = min(self.limits.max_backoff_s, self.limits.first_backoff_s * 2.0 ** min(count - 1, 30))
        return min(MAX_VISIBILITY_S, round(most * (0.5 + self._rng.random() / 2)))

    def _next_of_group(self, lease: _Lease) -> None:
        group = self._groups.get(lease.group) if lease.group else None
        if group is None:
            return
        if group and group[0] == lease.number:
            group.popleft()
        if group:
            self._ready.append(group[0])
        else:
            del self._groups[lease.group]

    def _stop_group(self, lease: _Lease, now: float) -> None:
        """A message of a group goes back, or is lost: those behind it go back, too, so that they come again in order."""
        group = self._groups.pop(lease.group, None) if lease.group else None
        if group is None:
            return
        followers = [self._leases[number] for number in group if number in self._leases and number != lease.number]
        kept = deque(one.number for one in followers if one.phase is not _Phase.WAITING)
        if kept:  # the one before us is still being handled
            self._groups[lease.group] = kept
        for follower in followers:
            if follower.phase is _Phase.WAITING:
                self._release(follower, 0, now)

    # Deleting and releasing

    def _to_delete(self, lease: _Lease, now: float) -> None:
        self._next_of_group(lease)
        lease.phase = _Phase.DONE
        self._handled[lease.message.message_id] = lease.dead_lettered
        if len(self._handled) > _MAX_REMEMBERED:
            self._handled.popitem(last=False)
        if not self._deletes:
            self._deletes_since = now
        self._deletes.append(lease.number)

    def _delete_payload(self, message: Message) -> None:
        pointer = deletable_payload(message, self.limits.payload_bucket)
        if pointer is None:
            return
        if len(self._payloads) >= _MAX_PAYLOAD_DELETES:
            self.counts.failed_payload_deletes += 1
            return
        self._numbers += 1
        self._payloads.add(self._numbers)
        self._effects.append(DeletePayload(self._numbers, message.message_id, pointer.bucket, pointer.key))

    def _release(self, lease: _Lease, after_s: int, now: float) -> None:
        if lease.phase is _Phase.RELEASING:
            return  # with its group
        if lease.phase is _Phase.WAITING:
            self._waiting -= 1
        lease.phase, lease.release_s = _Phase.RELEASING, after_s
        self._stop_group(lease, now)
        if not lease.busy:  # else when the extension on the wire is answered: it must not come after us
            self._to_release(lease, now)

    def _to_release(self, lease: _Lease, now: float) -> None:
        if not self._releases:
            self._releases_since = now
        self._releases.append(lease.number)

    def _again(self, lease: _Lease, now: float) -> None:
        """A delete or release did not come through: once more while the receipt lives, each on its own."""
        self.counts.retried_calls += 1
        lease.tries += 1
        wait_s = min(_MAX_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(lease.tries - 1, 10)) * (0.5 + self._rng.random() / 2)
        if now + wait_s >= lease.expires_at:
            if lease.phase is _Phase.DONE:
                self._lose(lease, "")
            else:
                self._forget(lease)
        else:
            self._later.append((now + wait_s, lease.number))

    def _take_up(self, now: float) -> None:
        due = [number for moment, number in self._later if moment <= now]
        if not due:
            return
        self._later = [one for one in self._later if one[0] > now]
        for number in due:
            lease = self._leases.get(number)
            if lease is None:
                continue
            if lease.phase is _Phase.DONE:
                self._send_deletes([number], now)
            elif lease.phase is _Phase.RELEASING and not lease.busy:
                self._send_changes([lease], now, extends=False)

    def _flush(self, now: float) -> None:
        hurry = self.stopping or not self.in_hand
        linger_s = self.limits.linger_s
        while len(self._deletes) >= BATCH or (self._deletes and (hurry or now >= self._deletes_since + linger_s)):
            batch, self._deletes = self._deletes[:BATCH], self._deletes[BATCH:]
            self._send_deletes(batch, now)
        while len(self._releases) >= BATCH or (self._releases and (hurry or now >= self._releases_since + linger_s)):
            numbers, self._releases = self._releases[:BATCH], self._releases[BATCH:]
            self._send_changes([self._leases[one] for one in numbers if one in self._leases], now, extends=False)

    def _send_deletes(self, numbers: Sequence[int], now: float) -> None:
        live = []
        for number in numbers:
            lease = self._leases.get(number)
            if lease is None:
                continue
            if now >= lease.expires_at:
                self._lose(lease, "")
            else:
                live.append(lease)
        if live:
            self._numbers += 1
            self._calls[self._numbers] = _Call(tuple((one.number, one.receipt) for one in live), now, deletes=True)
            self._effects.append(Delete(self._numbers, tuple((one.number, one.receipt) for one in live)))

    def _send_changes(self, leases: Sequence[_Lease], now: float, *, extends: bool) -> None:
        entries = []
        for lease in leases:
            lease.busy += 1
            seconds = self._extension_s(lease, now) if extends else lease.release_s
            entries.append((lease.number, lease.receipt, seconds))
        if entries:
            self._numbers += 1
            self._calls[self._numbers] = _Call(tuple((one.number, one.receipt) for one in leases), now, extends)
            self._effects.append(Change(self._numbers, tuple(entries)))

    def _forget(self, lease: _Lease) -> None:
        if self._by_message.get(lease.message.message_id) == lease.number:
            del self._by_message[lease.message.message_id]
        self._leases.pop(lease.number, None)

    def _holds(self, number: int) -> bool:
        lease = self._leases.get(number)
        return lease is not None and lease.phase is _Phase.RUNNING

    # Keeping leases alive

    def _scan(self, now: float) -> None:
        self._scan_at = now + self._scan_every_s
        margin_s = self.limits.visibility_s / 3
        due: list[_Lease] = []
        soon: list[_Lease] = []
        for lease in list(self._leases.values()):
            if lease.phase >= _Phase.RELEASING:
                continue
            if now >= lease.expires_at:
                self._lose(lease, "its lease ended: the visibility timeout could not be extended in time")
            elif lease.phase is _Phase.RUNNING and self._over(lease, now):
                self._overtime(lease, now)
            elif not lease.busy and now >= lease.not_before:
                left_s = lease.expires_at - now
                (due if left_s <= margin_s else soon if left_s <= margin_s * 1.25 else []).append(lease)
        if due:
            together = due + soon[: -len(due) % BATCH]  # a batch that goes out anyway goes out full
            for at in range(0, len(together), BATCH):
                self._send_changes(together[at : at + BATCH], now, extends=True)

    def rescue(self, now: float) -> list[Change]:
        """Return the extensions that are due though the loop stands still: its own may be on the wire, or never got there.

        Each is answered with `changed` or `call_failed`. Nothing else is decided: effects wait for the loop.
        """
        margin_s = self.limits.visibility_s / 3
        due = [
            lease
            for lease in self._leases.values()
            if lease.phase < _Phase.RELEASING
            and now < lease.expires_at <= now + margin_s
            and not (lease.phase is _Phase.RUNNING and self._over(lease, now))
        ]
        before = len(self._effects)
        for at in range(0, len(due), BATCH):
            self._send_changes(due[at : at + BATCH], now, extends=True)
        changes = [effect for effect in self._effects[before:] if isinstance(effect, Change)]
        del self._effects[before:]
        return changes

    def _over(self, lease: _Lease, now: float) -> bool:
        capped = now - lease.received_at > MAX_VISIBILITY_S - 2 * self.limits.visibility_s
        return now - lease.started_at >= self.limits.max_handling_s or (capped and self._extension_s(lease, now) < 2)

    def _extension_s(self, lease: _Lease, now: float) -> int:
        left_s = lease.received_at + MAX_VISIBILITY_S - now - self.limits.read_timeout_s
        return max(1, min(self.limits.visibility_s, int(left_s)))

    def _extended(self, lease: _Lease, receipt: str, fault: Failed | None, sent_at: float, now: float) -> None:
        if lease.phase is _Phase.RELEASING:
            if not lease.busy:
                self._to_release(lease, now)  # it waited for this answer
        elif lease.receipt != receipt:
            pass  # received again meanwhile, which says more than this answer
        elif fault is None:
            self.counts.extended += 1
            lease.expires_at = max(lease.expires_at, sent_at + self._extension_s(lease, sent_at))
        elif fault.ours or fault.code in _GONE:
            self._lose(lease, f"its lease is lost ({fault.code})")
        else:
            lease.not_before = now + _FIRST_RETRY_S

    def _overtime(self, lease: _Lease, now: float) -> None:
        self.counts.overtime += 1
        self._effects.append(Cancel(lease.number, f"it runs longer than {self.limits.max_handling_s:g} s"))
        self._release(lease, self._backoff_s(lease), now)

    def _lose(self, lease: _Lease, reason: str) -> None:
        """Somebody else may have the message by now. Its handler, if it runs, is told, and what it comes to is not heard."""
        self.counts.overruns += 1
        if lease.phase is _Phase.WAITING:
            self._waiting -= 1
        elif lease.phase is _Phase.RUNNING and lease.number in self._runs:
            self._effects.append(Cancel(lease.number, reason))
        self._forget(lease)
        self._stop_group(lease, lease.expires_at)

    # Going on

    def _advance(self, now: float) -> None:
        if self.stopped:
            return
        self._start_ready(now)
        self._flush(now)
        if not self.stopping:
            self._poll(now)
        elif not (self._polls or self._calls or self._leases or self._payloads) or (
            self._abandoned and now >= self._deadline
        ):
            self.stopped = True
            self._effects.append(Stopped())

    def _poll(self, now: float) -> None:
        self._poll_at = None
        while len(self._polls) < self._pollers:
            free = self.limits.capacity - self.in_hand - self._reserved
            backlog = len(self._leases) - self.in_hand
            if free <= 0 or backlog > 4 * self.limits.capacity + 1000:
                self._thin_since = -1.0
                return
            if now < self._poll_after:
                self._poll_at = self._poll_after
                return
            if free < min(BATCH, self.limits.capacity):
                # A few free places wait a moment for more to come free: full receives cost a tenth.
                self._thin_since = self._thin_since if self._thin_since >= 0 else now
                if now < self._thin_since + _THIN_POLL_S:
                    self._poll_at = self._thin_since + _THIN_POLL_S
                    return
            self._thin_since = -1.0
            self._numbers += 1
            count = min(BATCH, free)
            attempt_id = self._attempt_id(now)
            self._polls[self._numbers] = _Receive(count, now, attempt_id)
            self._reserved += count
            self.counts.polls += 1
            self._effects.append(Poll(self._numbers, count, self.limits.wait_s, attempt_id))

    def _attempt_id(self, now: float) -> str:
        """Return the id of a receive whose answer was lost, else a new one; empty for a standard queue.

        Its messages block their groups until a visibility timeout is over, unless they are asked for once more.
        """
        while self._lost_receives:
            lost = self._lost_receives.popleft()
            if now - lost.sent_at < _ATTEMPT_S:
                return lost.attempt_id
        return f"windlass-{self._rng.getrandbits(96):024x}" if self.limits.fifo else ""

    def _drain(self, now: float) -> None:
        """The stages of a stop: handlers end by themselves, are cancelled, are abandoned; then the last calls."""
        if self._abort_at is not None and now >= self._abort_at:
            self._abort_at = None
            if self._polls:
                self._effects.append(AbortPolls(tuple(self._polls)))
        if now < self._deadline:
            return
        if not self._cancelled:
            self._cancelled = True
            self._deadline = now + _CANCEL_GRACE_S
            for number in self._runs:
                if self._holds(number):
                    self._effects.append(Cancel(number, "the consumer stops"))
        elif not self._abandoned:
            self._abandoned = True
            self._deadline = now + self.limits.flush_s
            for lease in [one for one in self._leases.values() if one.phase is _Phase.RUNNING]:
                self._release(lease, 0, now)
