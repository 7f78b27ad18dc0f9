"""The queue core: one SQS queue as a state machine. No I/O, no clock, no lock: `now_s` is always a parameter.

    DELAYED -> READY -> IN_FLIGHT -> (READY again | deleted | moved to the dead-letter queue)

Sources: SQS API reference (SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility, CreateQueue) and
Developer Guide (visibility timeout, FIFO delivery logic, dead-letter queues). Every call is O(log n) amortised at any
backlog, and the counters are O(1): heaps with lazy deletion, one entry per timer.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from windlass_local.sqs.deduplication import DeduplicationIds
from windlass_local.sqs.message import Message, State
from windlass_local.sqs.order import FifoOrder, Order, StandardOrder

__all__ = ["IN_FLIGHT_LIMIT", "MAX_VISIBILITY_S", "Counters", "Queue", "Receipt", "Received", "Refusal"]

IN_FLIGHT_LIMIT = 120_000
"""Both kinds of queue; FIFO queues had 20,000 until November 2024 (API reference, ChangeMessageVisibility)."""
MAX_VISIBILITY_S = 43_200


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery of one message: its number in the queue and the number of the delivery."""

    seq: int
    delivery: int


@dataclass(frozen=True, slots=True)
class Received:
    """A delivered message with its receipt."""

    message: Message
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Counters:
    """ApproximateNumberOfMessages, …NotVisible and …Delayed; exact here."""

    visible: int
    in_flight: int
    delayed: int


class Refusal(Exception):
    """An operation that the queue refuses; `reason` is one of over_limit, expired, not_in_flight, unknown, too_long."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Queue:
    """One queue's messages. `retention_s`, `max_receive_count` and `dead_letter` may be set at any time."""

    def __init__(self, *, fifo: bool, retention_s: float, in_flight_limit: int = IN_FLIGHT_LIMIT) -> None:
        self.fifo = fifo
        self.retention_s = retention_s
        self.max_receive_count: int | None = None
        self.dead_letter: Queue | None = None
        self.arn = ""
        self._in_flight_limit = in_flight_limit
        self._messages: dict[int, Message] = {}
        self._order: Order = FifoOrder(self._messages) if fifo else StandardOrder(self._messages)
        self._timers: list[tuple[float, int]] = []
        self._ages: list[tuple[float, int]] = []
        self._counts = [0, 0, 0, 0]  # by State
        self._next_seq = 0
        self._sent: DeduplicationIds[tuple[str, str | None]] = DeduplicationIds()
        self._attempts: DeduplicationIds[Sequence[Received]] = DeduplicationIds()

    # -- sending ---------------------------------------------------------------------------------------------------

    def duplicate_of(self, message: Message, scope: str, now_s: float) -> tuple[str, str | None] | None:
        """Return (message id, sequence number) of the message that `message` repeats within five minutes, or None."""
        if message.deduplication_id is None:
            return None
        return self._sent.get((scope, message.deduplication_id), now_s)

    def send(self, message: Message, now_s: float, *, delay_s: float = 0.0, scope: str = "") -> None:
        """Take `message` in; it becomes visible after `delay_s`. `scope` is the group where deduplication is by group.

        The caller has called `duplicate_of` before: a repeated message is acknowledged but never stored.
        """
        self.advance(now_s)
        if self.fifo:
            message.sequence_number = f"{10**19 + self._next_seq * 256:020d}"
            if message.deduplication_id is not None:
                remembered = (message.message_id, message.sequence_number)
                self._sent.put((scope, message.deduplication_id), remembered, now_s)
        self.admit(message, due_s=now_s + delay_s if delay_s > 0 else 0.0)

    def admit(self, message: Message, *, due_s: float = 0.0) -> None:
        """Add a message as it is (a new one, or one moved from another queue); visible now or at `due_s`."""
        message.seq = self._next_seq
        self._next_seq += 1
        message.deliveries = 0
        message.due_s = due_s
        message.state = State.DELAYED if due_s else State.READY
        self._messages[message.seq] = message
        self._counts[message.state] += 1
        heapq.heappush(self._ages, (message.sent_s, message.seq))
        if due_s:
            self._arm(message)
        self._order.added(message)

    # -- receiving -------------------------------------------------------------------------------------------------

    def receive(self, limit: int, visibility_s: float, now_s: float, *, attempt_id: str = "") -> list[Received]:
        """Deliver up to `limit` messages, hidden for `visibility_s`.

        Messages that were delivered `max_receive_count` times go to the dead-letter queue instead. Raises
        Refusal("over_limit") at the in-flight limit of a standard queue; a FIFO queue then returns nothing. The same
        `attempt_id` within five minutes returns the same deliveries again while none of them was changed.
        """
        self.advance(now_s)
        if attempt_id and (again := self._repeat(attempt_id, visibility_s, now_s)):
            return again
        room = self._in_flight_limit - self._counts[State.IN_FLIGHT]
        if room <= 0:
            if self.fifo:
                return []
            raise Refusal("over_limit")
        received: list[Received] = []
        while requested := min(limit, room) - len(received):
            taken = self._order.take(requested)
            if not taken:
                break
            received.extend(self._deliver(taken, visibility_s, now_s))
        if attempt_id and received:
            self._attempts.put(("", attempt_id), received, now_s)
        return received

    def _deliver(self, taken: Sequence[Message], visibility_s: float, now_s: float) -> list[Received]:
        delivered = []
        for message in taken:
            self._counts[message.state] -= 1
            message.state = State.IN_FLIGHT
            self._counts[State.IN_FLIGHT] += 1
            if self._is_exhausted(message):
                self._to_dead_letter(message, now_s)
                continue
            message.deliveries += 1
            message.receive_count += 1
            message.received_s = now_s
            message.first_received_s = message.first_received_s or now_s
            message.due_s = now_s + visibility_s
            self._arm(message)
            delivered.append(Received(message, Receipt(message.seq, message.deliveries)))
        return delivered

    def _repeat(self, attempt_id: str, visibility_s: float, now_s: float) -> list[Received]:
        """Return the deliveries of an earlier receive with this attempt id, hidden again; none if one was changed."""
        earlier = self._attempts.get(("", attempt_id), now_s) or ()
        for delivery in earlier:
            message = self._messages.get(delivery.receipt.seq)
            if (
                message is None
                or message.state is not State.IN_FLIGHT
                or message.deliveries != delivery.receipt.delivery
            ):
                return []
        for delivery in earlier:
            delivery.message.due_s = now_s + visibility_s
            self._arm(delivery.message)
        return list(earlier)

    def _is_exhausted(self, message: Message) -> bool:
        limit = self.max_receive_count
        return limit is not None and self.dead_letter is not None and message.deliveries >= limit

    def _to_dead_letter(self, message: Message, now_s: float) -> None:
        """Move to the dead-letter queue: standard queues keep the time of sending (retention runs on), FIFO queues reset it."""
        target = self.dead_letter
        assert target is not None
        self._remove(message)
        message.dead_letter_source_arn = self.arn
        if self.fifo:
            message.sent_s = now_s
        target.advance(now_s)
        target.admit(message)

    # -- acknowledging ---------------------------------------------------------------------------------------------

    def delete(self, receipt: Receipt, now_s: float) -> None:
        """Delete by receipt.

        DeleteMessage: "you must use the ReceiptHandle from the most recent time you received the message. If you use
        an old ReceiptHandle, the request will succeed, but the message might not be deleted": here it isn't. The most
        recent receipt of a standard queue deletes even after its visibility timeout. A FIFO queue refuses a receipt
        whose visibility timeout is over: Refusal("expired").
        """
        self.advance(now_s)
        message = self._messages.get(receipt.seq)
        if message is None:
            return
        is_current = message.deliveries == receipt.delivery
        if self.fifo and not (is_current and message.state is State.IN_FLIGHT):
            raise Refusal("expired")
        if is_current:
            self._remove(message)

    def change_visibility(self, receipt: Receipt, visibility_s: float, now_s: float) -> None:
        """Hide the delivery for `visibility_s` from now; 0 makes it visible at once.

        Raises Refusal: "unknown" (deleted), "not_in_flight" (its visibility timeout has ended, or it was received
        again), "too_long" (more than 12 hours since it was received).
        """
        self.advance(now_s)
        message = self._messages.get(receipt.seq)
        if message is None:
            raise Refusal("unknown")
        if message.state is not State.IN_FLIGHT or message.deliveries != receipt.delivery:
            raise Refusal("not_in_flight")
        if now_s + visibility_s > message.received_s + MAX_VISIBILITY_S:
            raise Refusal("too_long")
        message.due_s = now_s + visibility_s
        if visibility_s <= 0:
            self._show(message)
        else:
            self._arm(message)

    def purge(self) -> None:
        """Delete every message, in flight or not. Earlier deduplication ids remain known."""
        for message in self._messages.values():
            message.state = State.GONE
        self._messages.clear()
        self._order.clear()
        self._timers.clear()
        self._ages.clear()
        self._counts = [0, 0, 0, 0]

    def take_one(self, now_s: float) -> Message | None:
        """Remove one visible message for good (for a message move task)."""
        self.advance(now_s)
        for message in self._order.take(1):
            self._counts[message.state] -= 1
            message.state = State.IN_FLIGHT
            self._counts[State.IN_FLIGHT] += 1
            self._remove(message)
            return message
        return None

    # -- time ------------------------------------------------------------------------------------------------------

    def advance(self, now_s: float) -> None:
        """Advance time: delays and visibility timeouts end, messages past the retention period are deleted."""
        while self._timers and self._timers[0][0] <= now_s:
            due_s, seq = heapq.heappop(self._timers)
            message = self._messages.get(seq)
            if message is not None and message.due_s == due_s and message.state is not State.READY:
                self._show(message)
        while self._ages and self._ages[0][0] + self.retention_s <= now_s:
            message = self._messages.get(heapq.heappop(self._ages)[1])
            if message is not None:
                self._remove(message)

    def next_change_s(self) -> float | None:
        """Return when a delay or a visibility timeout may end next, for long polls; None for never."""
        return self._timers[0][0] if self._timers else None

    def counters(self, now_s: float) -> Counters:
        """Count visible, in-flight and delayed messages at `now_s`."""
        self.advance(now_s)
        return Counters(self._counts[State.READY], self._counts[State.IN_FLIGHT], self._counts[State.DELAYED])

    def oldest_age_s(self, now_s: float) -> float:
        """Return ApproximateAgeOfOldestMessage: seconds since the oldest message in the queue was sent; 0 if empty."""
        self.advance(now_s)
        while self._ages and self._ages[0][1] not in self._messages:
            heapq.heappop(self._ages)
        return now_s - self._ages[0][0] if self._ages else 0.0

    def _arm(self, message: Message) -> None:
        heapq.heappush(self._timers, (message.due_s, message.seq))
        if len(self._timers) > 1024 and len(self._timers) > 4 * (self._counts[0] + self._counts[2]):
            self._timers = [(due_s, seq) for due_s, seq in self._timers if self._is_armed(due_s, seq)]
            heapq.heapify(self._timers)

    def _is_armed(self, due_s: float, seq: int) -> bool:
        message = self._messages.get(seq)
        return message is not None and message.due_s == due_s and message.state is not State.READY

    def _show(self, message: Message) -> None:
        self._counts[message.state] -= 1
        message.state = State.READY
        self._counts[State.READY] += 1
        self._order.ready(message)

    def _remove(self, message: Message) -> None:
        was = message.state
        del self._messages[message.seq]
        self._counts[was] -= 1
        message.state = State.GONE
        self._order.removed(message, was)
        if len(self._ages) > 1024 and len(self._ages) > 2 * len(self._messages):
            self._ages = [entry for entry in self._ages if entry[1] in self._messages]
            heapq.heapify(self._ages)
