"""Log lines about requests that are refused, at a bounded rate: anybody who reaches the port can cause them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from windlass.observe.log import logger

__all__ = ["LINES_PER_WINDOW", "RefusalLog"]

WINDOW_S = 60.0
LINES_PER_WINDOW = 30


class RefusalLog:
    """Logs warnings; those beyond the bound of a window are counted in the next line's `left_out`. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._started = monotonic()
        self._lines = self._left_out = 0

    def warning(self, event: str, **details: Any) -> None:
        """Log an event, or count it."""
        with self._lock:
            now = self._monotonic()
            if now >= self._started + WINDOW_S:
                self._started, self._lines = now, 0
            if self._lines >= LINES_PER_WINDOW:
                self._left_out += 1
                return
            self._lines += 1
            left_out, self._left_out = self._left_out, 0
        logger("osquery").warning(event, **details, **({"left_out": left_out} if left_out else {}))
