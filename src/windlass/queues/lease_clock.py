"""The clock that leases are measured by: it goes on while the machine is suspended.

`time.monotonic()` stands still while a laptop sleeps or a virtual machine is suspended; SQS's clock does not, and a lease
that looks alive afterwards may be somebody else's. Linux has CLOCK_BOOTTIME; macOS's CLOCK_MONOTONIC runs through sleep.
A guest that its hypervisor stops sees neither move, but its wall clock is set forward when it goes on: a jump of the wall
clock against the steady one is counted as time that has passed. A lease that this ends too early costs a second delivery;
one that ends too late would cost a doubled message.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from functools import partial

__all__ = ["JUMP_S", "LeaseClock"]

JUMP_S = 2.0
"""A smaller difference between two readings is the wall clock being adjusted, and far below any visibility timeout."""


class LeaseClock:
    """Seconds since some origin, never fewer than have passed. Safe on many threads."""

    def __init__(self, steady: Callable[[], float] | None = None, wall: Callable[[], float] = time.time) -> None:
        self._steady = steady or _steady_clock()
        self._wall = wall
        self._lock = threading.Lock()
        self._drift = self._wall() - self._steady()
        self.jumped_s = 0.0
        """Seconds that only the wall clock saw pass."""

    def now(self) -> float:
        """Return the time in seconds; the origin is the steady clock's."""
        with self._lock:
            steady = self._steady()
            drift = self._wall() - steady
            if drift - self._drift >= JUMP_S:
                self.jumped_s += drift - self._drift
            self._drift = drift
            return steady + self.jumped_s


def _steady_clock() -> Callable[[], float]:
    """Return the system's clock that runs through suspension, `time.monotonic` where there is none."""
    number = getattr(time, "CLOCK_BOOTTIME", None)
    if number is None and sys.platform == "darwin":
        number = time.CLOCK_MONOTONIC
    if number is None:
        return time.monotonic
    return partial(time.clock_gettime, number)
