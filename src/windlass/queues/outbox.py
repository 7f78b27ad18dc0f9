"""Deletes and visibility changes for SQS: batches, retries, and calls without a response. A pure state machine.

It identifies leases by their number. The coordinator decides what a response means for a lease.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from windlass.queues.model import Limits
from windlass.wire.sqs import BATCH

__all__ = ["BatchCall", "CallKind", "Outbox"]

_FIRST_RETRY_S, _MAX_RETRY_S = 0.2, 30.0
_MAX_PAYLOAD_DELETES = 1000  # without a response; bounds the memory while S3 does not answer


class CallKind(Enum):
    """The kind of a batch call."""

    DELETE = "delete"
    NACK = "nack"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class BatchCall:
    """A batch call without a response yet: (lease, receipt) of each entry."""

    kind: CallKind
    entries: tuple[tuple[int, str], ...]
    sent_at: float


class Outbox:
    """The pending deletes and returns of one consumer. Batches of ten are sent at once, smaller ones after `linger_s`."""

    def __init__(self, limits: Limits, rng: random.Random) -> None:
        self._linger_s = limits.linger_s
        self._rng = rng
        self._calls: dict[int, BatchCall] = {}
        self._last_number = 0
        self._retries: list[tuple[float, int]] = []
        self._nacks_since = self._deletes_since = 0.0
        self._payload_deletes: set[int] = set()
        self.deletes: list[int] = []
        """Leases to delete."""
        self.nacks: list[int] = []
        """Leases to return to the queue."""
        self.wake_at = math.inf
        """When a batch or a retry is due; infinite while there is none."""

    @property
    def idle(self) -> bool:
        """True when no call and no payload delete is without a response."""
        return not (self._calls or self._payload_deletes)

    @property
    def pending(self) -> tuple[int, ...]:
        """Numbers of the calls without a response."""
        return tuple(self._calls)

    # Batches

    def add_delete(self, lease: int, now: float) -> None:
        """Queue a delete."""
        if not self.deletes:
            self._deletes_since = now
            self.wake_at = min(self.wake_at, now + self._linger_s)
        self.deletes.append(lease)

    def add_nack(self, lease: int, now: float) -> None:
        """Queue a return to the queue."""
        if not self.nacks:
            self._nacks_since = now
            self.wake_at = min(self.wake_at, now + self._linger_s)
        self.nacks.append(lease)

    def next_deletes(self, now: float, *, partial: bool) -> list[int]:
        """Remove and return the next batch of deletes; empty when none is due. `partial` makes an unfilled batch due."""
        deletes = self.deletes
        if len(deletes) < BATCH and not (partial or now >= self._deletes_since + self._linger_s):
            return []
        self.deletes = deletes[BATCH:]
        self._set_wake()
        return deletes[:BATCH]

    def next_nacks(self, now: float, *, partial: bool) -> list[int]:
        """Remove and return the next batch of nacks; empty when none is due. `partial` makes an unfilled batch due."""
        nacks = self.nacks
        if len(nacks) < BATCH and not (partial or now >= self._nacks_since + self._linger_s):
            return []
        self.nacks = nacks[BATCH:]
        self._set_wake()
        return nacks[:BATCH]

    # Calls

    def open(self, kind: CallKind, entries: Sequence[tuple[int, str]], now: float) -> int:
        """Record that a batch call is sent, and return its number."""
        number = self._last_number = self._last_number + 1
        self._calls[number] = BatchCall(kind, tuple(entries), now)
        return number

    def close(self, number: int) -> BatchCall:
        """Record that a call was answered or failed, and return it. KeyError when it is not open."""
        return self._calls.pop(number)

    def kind(self, number: int) -> CallKind | None:
        """Return the kind of an open call, None when it is not open."""
        call = self._calls.get(number)
        return None if call is None else call.kind

    # Retries

    def retry(self, lease: int, attempts: int, expires_at: float, now: float) -> bool:
        """Schedule the next attempt of a delete or nack; return False when it would come after the lease's end."""
        longest_s = min(_MAX_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(attempts - 1, 10))
        retry_at = now + longest_s * (0.5 + self._rng.random() / 2)
        if retry_at >= expires_at:
            return False
        self._retries.append((retry_at, lease))
        self.wake_at = min(self.wake_at, retry_at)
        return True

    def due_retries(self, now: float) -> list[int]:
        """Remove and return the leases whose next attempt is due. Each is sent in a call of its own."""
        due = [lease for retry_at, lease in self._retries if retry_at <= now]
        if due:
            self._retries = [retry for retry in self._retries if retry[0] > now]
            self._set_wake()
        return due

    # Payloads

    def open_payload_delete(self) -> int | None:
        """Record that the delete of a payload is sent, and return its number; None when 1,000 have no response yet."""
        if len(self._payload_deletes) >= _MAX_PAYLOAD_DELETES:
            return None
        number = self._last_number = self._last_number + 1
        self._payload_deletes.add(number)
        return number

    def close_payload_delete(self, number: int) -> None:
        """Record that the delete of a payload was answered or failed."""
        self._payload_deletes.discard(number)

    def _set_wake(self) -> None:
        wake_at = min((retry_at for retry_at, _ in self._retries), default=math.inf)
        if self.deletes:
            wake_at = min(wake_at, self._deletes_since + self._linger_s)
        if self.nacks:
            wake_at = min(wake_at, self._nacks_since + self._linger_s)
        self.wake_at = wake_at
