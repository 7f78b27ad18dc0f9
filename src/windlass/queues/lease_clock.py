"""The clock of leases, which continues while the machine is suspended.

`time.monotonic()` stops while a laptop sleeps or a virtual machine is suspended. SQS's clock does not, and a lease that
seems alive afterwards may belong to another consumer. Linux has CLOCK_BOOTTIME; macOS's CLOCK_MONOTONIC continues
during sleep. When a hypervisor stops a guest, neither clock moves, but the guest's wall clock is set forward when it
continues. So a jump of the wall clock relative to the steady clock counts as time that has passed. A lease that ends
too early because of this costs a second delivery; one that ends too late would cost a duplicate.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from functools import partial

__all__ = ["JUMP_S", "LeaseClock"]

JUMP_S = 2.0
"""Smaller differences between two readings are adjustments of the wall clock. It is far below any visibility timeout.
"""


class LeaseClock:
    """Seconds since some origin, never less than the time that has passed. Thread-safe."""

    def __init__(self, steady: Callable[[], float] | None = None, wall: Callable[[], float] = time.time) -> None:
        self._steady = steady or _steady_clock()
        self._wall = wall
        self._lock = threading.Lock()
        self._drift = self._wall() - self._steady()
        self.jumped_s = 0.0
        """Seconds that only the wall clock has counted."""

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
    """Return the system's clock that continues during suspension; `time.monotonic` when there is none."""
    number = getattr(time, "CLOCK_BOOTTIME", None)
    if number is None and sys.platform == "darwin":
        number = time.CLOCK_MONOTONIC
    if number is None:
        return time.monotonic
    return partial(time.clock_gettime, number)
