"""The messages that this consumer holds, and the times when their leases end. A pure state machine.

A lease ends `visibility_s` after its receive, or its last confirmed extension, was *sent*: the earliest moment at which
SQS could deliver the message to another consumer.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from windlass.queues.model import MAX_VISIBILITY_S, Limits
from windlass.wire.sqs import Message

__all__ = ["HandledMessages", "MessageLease", "MessageLeases", "Phase", "Scan"]

_SCAN_INTERVAL_S = 1.0
_MAX_REMEMBERED = 10_000  # ids of handled messages: memory must not grow with the queue
_EXTENSION_RETRY_S = 0.2


class Phase(IntEnum):
    """What happens to a lease's message. From NACKING on, the lease is not extended."""

    WAITING = 0
    """Received, not started."""
    RUNNING = 1
    """Its handler runs."""
    DEAD_LETTERING = 2
    """On its way to the dead-letter queue."""
    DELETING = 3
    """Handled, to be deleted."""
    NACKING = 4
    """Returning to the queue."""


@dataclass(slots=True, eq=False)
class MessageLease:
    """One message that this consumer holds. Times are seconds of the lease clock."""

    number: int
    message: Message
    receipt: str
    group: str
    received_at: float
    expires_at: float
    phase: Phase = Phase.WAITING
    started_at: float = 0.0
    pending_changes: int = 0
    """Visibility changes without a response yet."""
    nack_after_s: int = 0
    attempts: int = 0
    """Failed deletes or nacks."""
    receive_count: int = 0
    """The receive count that came with `receipt`."""
    not_before: float = 0.0
    """Earliest time of the next extension."""
    dead_lettered: bool = False
    """A copy in the dead-letter queue points to the same payload."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The work that is due at one moment: leases that ended, handlers past their limit, and leases to extend."""

    expired: list[MessageLease]
    timed_out: list[MessageLease]
    due: list[MessageLease]
    soon: list[MessageLease]
    """Leases that are not due yet, but fill a batch that is sent anyway."""


class MessageLeases:
    """All leases of one consumer."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._leases: dict[int, MessageLease] = {}
        self._by_message: dict[str, int] = {}
        self._last_number = 0
        self._scan_interval_s = min(_SCAN_INTERVAL_S, limits.visibility_s / 10)
        self._margin_s = limits.visibility_s / 3
        self.waiting = 0
        """Messages that are received and not started."""
        self.scan_at = math.inf
        """When `scan` is due; infinite while there are no leases."""
        self.get: Callable[[int], MessageLease | None] = self._leases.get

    def __len__(self) -> int:
        return len(self._leases)

    def all(self) -> list[MessageLease]:
        """Return every lease, the oldest first. The list is a copy."""
        return list(self._leases.values())

    def find(self, message_id: str) -> MessageLease | None:
        """Return the lease of a message, None when this consumer does not hold it."""
        number = self._by_message.get(message_id)
        return None if number is None else self._leases.get(number)

    def running(self, number: int) -> bool:
        """True while the handler of this lease runs and the message is still held."""
        lease = self._leases.get(number)
        return lease is not None and lease.phase is Phase.RUNNING

    def add(self, message: Message, expires_at: float, now: float) -> MessageLease:
        """Start a lease, which waits."""
        number = self._last_number = self._last_number + 1
        group = message.group if self._limits.fifo else ""
        count = message.receive_count
        lease = MessageLease(number, message, message.receipt, group, now, expires_at, receive_count=count)
        if not self._leases:
            self.scan_at = now + self._scan_interval_s
        self._leases[number] = lease
        self._by_message[message.message_id] = number
        self.waiting += 1
        return lease

    def received_again(self, lease: MessageLease, message: Message, expires_at: float) -> None:
        """Record that SQS delivered a message again that is held: only the newest receipt deletes it."""
        if message.receive_count >= lease.receive_count:  # responses may arrive in another order
            lease.receipt, lease.receive_count = message.receipt, message.receive_count
            lease.expires_at = max(lease.expires_at, expires_at)

    def enter(self, lease: MessageLease, phase: Phase) -> None:
        """Move a lease to another phase. A waiting lease stops counting as waiting."""
        if lease.phase is Phase.WAITING:
            self.waiting -= 1
        lease.phase = phase

    def remove(self, lease: MessageLease) -> None:
        """End a lease. Idempotent."""
        message_id = lease.message.message_id
        if self._by_message.get(message_id) == lease.number:
            del self._by_message[message_id]
        if self._leases.pop(lease.number, None) is not None and lease.phase is Phase.WAITING:
            self.waiting -= 1
        if not self._leases:
            self.scan_at = math.inf

    # Extensions

    def scan(self, now: float) -> Scan:
        """Return what is due now, and set when the next scan is. Changes no lease."""
        self.scan_at = now + self._scan_interval_s
        scan = Scan([], [], [], [])
        for lease in self._leases.values():
            if lease.phase >= Phase.NACKING:
                continue
            left_s = lease.expires_at - now
            if left_s <= 0:
                scan.expired.append(lease)
            elif self._timed_out(lease, now):
                scan.timed_out.append(lease)
            elif not lease.pending_changes and now >= lease.not_before:
                if left_s <= self._margin_s:
                    scan.due.append(lease)
                elif left_s <= self._margin_s * 1.25:
                    scan.soon.append(lease)
        return scan

    def due_extensions(self, now: float) -> list[MessageLease]:
        """Return the leases to extend while the event loop is blocked: an extension that is pending may never have been sent."""
        return [
            lease
            for lease in self._leases.values()
            if lease.phase < Phase.NACKING
            and now < lease.expires_at <= now + self._margin_s
            and not self._timed_out(lease, now)
        ]

    def extension_s(self, lease: MessageLease, now: float) -> int:
        """Return the seconds to extend a lease by: `visibility_s`, less near SQS's twelve hours, at least 1."""
        left_s = lease.received_at + MAX_VISIBILITY_S - now - self._limits.read_timeout_s
        return max(1, min(self._limits.visibility_s, int(left_s)))

    def extended(self, lease: MessageLease, sent_at: float) -> None:
        """Record that SQS confirmed an extension that was sent at `sent_at`."""
        lease.expires_at = max(lease.expires_at, sent_at + self.extension_s(lease, sent_at))

    def extension_failed(self, lease: MessageLease, now: float) -> None:
        """Record that an extension had no effect: the next one is not sent at once."""
        lease.not_before = now + _EXTENSION_RETRY_S

    def _timed_out(self, lease: MessageLease, now: float) -> bool:
        if lease.phase is not Phase.RUNNING:
            return False
        near_maximum = now - lease.received_at > MAX_VISIBILITY_S - 2 * self._limits.visibility_s
        if near_maximum and self.extension_s(lease, now) < 2:
            return True
        return now - lease.started_at >= self._limits.max_handling_s


class HandledMessages:
    """Ids of messages that must not be handled again: their deletion is not confirmed, or they were dead-lettered."""

    def __init__(self) -> None:
        self._dead_lettered: OrderedDict[str, bool] = OrderedDict()

    def add(self, message_id: str, *, dead_lettered: bool) -> None:
        """Remember a handled message; the oldest is forgotten after 10,000."""
        self._dead_lettered[message_id] = dead_lettered
        if len(self._dead_lettered) > _MAX_REMEMBERED:
            self._dead_lettered.popitem(last=False)

    def find(self, message_id: str) -> bool | None:
        """Return whether a handled message was dead-lettered, None when it is not known as handled."""
        return self._dead_lettered.get(message_id)

    def discard(self, message_id: str) -> None:
        """Forget a message whose deletion is confirmed."""
        self._dead_lettered.pop(message_id, None)
