"""The failed logins of this process: when an address is blocked, and which failures the audit log lists. No I/O.

Distinct wrong credentials of an address are counted, as digests. A program that repeats one stale token counts once,
because a repetition teaches an attacker nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["ALLOWED_FAILURES", "AUDITED_PER_WINDOW", "MAX_ADDRESSES", "WINDOW_S", "FailedLogins", "FailureRecord"]

ALLOWED_FAILURES = (
    10  # distinct wrong credentials of one address within a window; further attempts are refused unchecked
)
WINDOW_S = 600.0
MAX_ADDRESSES = 10_000  # bounds the memory: the address whose last failure is oldest is forgotten first
AUDITED_PER_WINDOW = 200  # bounds the audit log: further failures of a flood from many addresses are not listed


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """How one failure is handled: `audited` lists it in the audit log, `flood` marks the last one listed in this window,
    `blocked` says that the address is refused from now on.
    """

    audited: bool
    flood: bool = False
    blocked: bool = False


@dataclass(slots=True)
class _Window:
    digests: set[str] = field(default_factory=set)
    started_at: float = 0.0


class FailedLogins:
    """Failed logins by address, in fixed windows that begin with the first failure of an address. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, _Window] = OrderedDict()
        self._audited = 0
        self._audit_started_at = float("-inf")
        self._lock = threading.Lock()

    def blocked_s(self, address: str) -> float:
        """Return the seconds until credentials from this address are checked again; 0 when they are checked now."""
        with self._lock:
            window = self._current(address)
            if window is None or len(window.digests) < ALLOWED_FAILURES:
                return 0.0
            return window.started_at + WINDOW_S - self._clock()

    def record(self, address: str, digest: str) -> FailureRecord:
        """Record a failure with the credential of this digest."""
        with self._lock:
            window = self._current(address)
            if window is None:
                window = self._addresses[address] = _Window(started_at=self._clock())
                if len(self._addresses) > MAX_ADDRESSES:
                    self._addresses.popitem(last=False)
            self._addresses.move_to_end(address)
            if digest in window.digests:
                return FailureRecord(audited=False)
            window.digests.add(digest)
            return self._audit(blocked=len(window.digests) >= ALLOWED_FAILURES)

    def _audit(self, *, blocked: bool) -> FailureRecord:
        now = self._clock()
        if now >= self._audit_started_at + WINDOW_S:
            self._audit_started_at, self._audited = now, 0
        self._audited += 1
        flood = self._audited == AUDITED_PER_WINDOW
        return FailureRecord(audited=self._audited <= AUDITED_PER_WINDOW, flood=flood, blocked=blocked)

    def _current(self, address: str) -> _Window | None:
        window = self._addresses.get(address)
        if window is not None and self._clock() >= window.started_at + WINDOW_S:
            del self._addresses[address]
            return None
        return window
