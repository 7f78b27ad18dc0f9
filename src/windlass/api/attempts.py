"""Failed logins of one process: how many an address may make, and which of them the audit trail lists. Pure but for a lock.

The same wrong token sent again teaches a guesser nothing, so a program with a stale token counts once: the distinct wrong
credentials of an address are counted, as digests.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["ALLOWED_FAILURES", "AUDITED_PER_WINDOW", "MAX_ADDRESSES", "WINDOW_S", "Failures", "Noted"]

ALLOWED_FAILURES = 10  # distinct wrong credentials of one address within a window; further attempts are not looked at
WINDOW_S = 600.0
MAX_ADDRESSES = 10_000  # bounds the memory: the address that failed longest ago is forgotten first
AUDITED_PER_WINDOW = (
    200  # bounds the audit trail: a flood from many addresses is listed up to this, then summed up once
)


@dataclass(frozen=True, slots=True)
class Noted:
    """What one failure came to: whether the trail lists it (`audited`), the last one it will list for now (`flood`), and
    whether the address is refused from here on (`blocked`).
    """

    audited: bool
    flood: bool = False
    blocked: bool = False


@dataclass(slots=True)
class _Address:
    digests: set[str] = field(default_factory=set)
    started_at: float = 0.0


class Failures:
    """The failed logins by address, over fixed windows that begin with an address's first failure."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._audited = 0
        self._audit_started_at = float("-inf")
        self._lock = threading.Lock()

    def blocked_s(self, address: str) -> float:
        """Seconds until credentials from this address are looked at again; 0 when they are now."""
        with self._lock:
            held = self._current(address)
            if held is None or len(held.digests) < ALLOWED_FAILURES:
                return 0.0
            return held.started_at + WINDOW_S - self._clock()

    def note(self, address: str, digest: str) -> Noted:
        """Record a failure with a credential of this digest."""
        with self._lock:
            held = self._current(address)
            if held is None:
                held = self._addresses[address] = _Address(started_at=self._clock())
                if len(self._addresses) > MAX_ADDRESSES:
                    self._addresses.popitem(last=False)
            self._addresses.move_to_end(address)
            if digest in held.digests:
                return Noted(audited=False)
            held.digests.add(digest)
            return self._audit(blocked=len(held.digests) >= ALLOWED_FAILURES)

    def _audit(self, *, blocked: bool) -> Noted:
        now = self._clock()
        if now >= self._audit_started_at + WINDOW_S:
            self._audit_started_at, self._audited = now, 0
        self._audited += 1
        flood = self._audited == AUDITED_PER_WINDOW
        return Noted(audited=self._audited <= AUDITED_PER_WINDOW, flood=flood, blocked=blocked)

    def _current(self, address: str) -> _Address | None:
        held = self._addresses.get(address)
        if held is not None and self._clock() >= held.started_at + WINDOW_S:
            del self._addresses[address]
            return None
        return held
