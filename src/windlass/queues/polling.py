"""The receive calls of a consumer: when to send one, for how many messages, and how many at once. A pure state machine."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from windlass.queues.model import Counts, Limits, Poll
from windlass.wire.sqs import BATCH

__all__ = ["Polling", "Receive"]

_PARTIAL_POLL_WAIT_S = 0.02  # a few free slots wait this long for more: a full receive costs a tenth per message
_FULL_RECEIVES_PER_POLLER = 10  # with a batch window: more pollers at once would each receive a few messages
_ABORT_AFTER_S = 1.0  # after a stop; a busy queue has responded by then
_ATTEMPT_ID_S = 240.0  # SQS keeps a ReceiveRequestAttemptId for 5 minutes
_FIRST_RETRY_S, _MAX_RETRY_S = 0.2, 30.0


@dataclass(frozen=True, slots=True)
class Receive:
    """A receive call without a response yet."""

    count: int
    sent_at: float
    attempt_id: str = ""


class Polling:
    """The receive calls of one consumer. Messages that are on their way count as reserved slots."""

    def __init__(self, limits: Limits, counts: Counts, rng: random.Random) -> None:
        self._limits = limits
        self._counts = counts
        self._rng = rng
        self._receives: dict[int, Receive] = {}
        self._last_number = 0
        self._lost: deque[Receive] = deque()  # of a FIFO queue: repeated with the same attempt id
        self._reserved = 0
        self._failures = 0
        self._full_receives = 0
        self._not_before = 0.0
        self._partial_since = -1.0
        self._full_count = min(BATCH, limits.capacity)
        self.pollers = 1
        """The number of receives that may run at once: more while receives are full, one when they are empty."""
        self.wake_at = 0.0
        """When `next_polls` may return something new; infinite while only a response can change that."""
        self.abort_at = math.inf

    @property
    def pending(self) -> tuple[int, ...]:
        """Numbers of the receives without a response."""
        return tuple(self._receives)

    def __len__(self) -> int:
        return len(self._receives)

    def answered(self, number: int, received: int, now: float) -> Receive:
        """Record that a receive returned `received` messages, adapt the number of pollers, and return the receive."""
        receive = self._close(number)
        window_s = self._limits.batch_window_s
        self._failures = 0
        if not received:
            self._counts.empty_polls += 1
            self.pollers = max(1, self.pollers - 1)
        elif received >= receive.count and receive.count == self._full_count:
            self._full_receives += 1
            if not window_s or self._full_receives % _FULL_RECEIVES_PER_POLLER == 0:
                self.pollers = min(self._limits.max_pollers, self.pollers + 1)
        elif window_s:
            self.pollers, self._not_before, self._full_receives = 1, now + window_s, 0
        return receive

    def failed(self, number: int, now: float) -> None:
        """Record that a receive had no response or an error: the next poll waits longer after each failure."""
        receive = self._close(number)
        if receive.attempt_id:
            self._lost.append(receive)
        self._failures += 1
        self.pollers = 1
        longest_s = min(_MAX_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self._failures, 10))
        self._not_before = now + longest_s * (0.5 + self._rng.random() / 2)

    def next_polls(self, now: float, in_flight: int, undeleted: int) -> Iterator[Poll]:
        """Yield the receives to send now.

        `in_flight` messages wait or are being handled; `undeleted` more are handled, but not deleted or returned yet.
        """
        self.wake_at = math.inf
        capacity = self._limits.capacity
        while len(self._receives) < self.pollers:
            free = capacity - in_flight - self._reserved
            if free <= 0 or undeleted > 4 * capacity + 1000:
                self._partial_since = -1.0
                return
            if now < self._not_before:
                self.wake_at = self._not_before
                return
            if free < self._full_count:
                self._partial_since = self._partial_since if self._partial_since >= 0 else now
                if now < self._partial_since + _PARTIAL_POLL_WAIT_S:
                    self.wake_at = self._partial_since + _PARTIAL_POLL_WAIT_S
                    return
            self._partial_since = -1.0
            yield self._open(min(BATCH, free), now)

    def stop(self, now: float) -> None:
        """Send no more receives. Those that return nothing within a second are aborted."""
        self.wake_at = math.inf
        self.abort_at = now + _ABORT_AFTER_S

    def abort(self, now: float) -> tuple[int, ...]:
        """Return the receives to abort now. Each is returned once."""
        if now < self.abort_at:
            return ()
        self.abort_at = math.inf
        return self.pending

    def _open(self, count: int, now: float) -> Poll:
        number = self._last_number = self._last_number + 1
        attempt_id = self._attempt_id(now)
        self._receives[number] = Receive(count, now, attempt_id)
        self._reserved += count
        self._counts.polls += 1
        return Poll(number, count, self._limits.wait_s, attempt_id)

    def _close(self, number: int) -> Receive:
        receive = self._receives.pop(number)
        self.wake_at = math.inf
        self._reserved -= receive.count
        return receive

    def _attempt_id(self, now: float) -> str:
        """Return the attempt id of a receive whose response was lost, else a new one; empty for a standard queue.

        The messages of a lost response block their groups until their visibility timeout ends, unless the receive is
        repeated with the same id.
        """
        while self._lost:
            receive = self._lost.popleft()
            if now - receive.sent_at < _ATTEMPT_ID_S:
                return receive.attempt_id
        return f"windlass-{self._rng.getrandbits(96):024x}" if self._limits.fifo else ""
