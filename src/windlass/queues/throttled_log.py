"""Warnings that repeat, logged at a bounded rate."""

from __future__ import annotations

import time
from typing import Any

from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass.queues.handlers import describe

__all__ = ["ThrottledLog"]

_INTERVAL_S = 30.0


class ThrottledLog:
    """Logs one warning per 30 s, with the number of suppressed ones in the key `left_out`, so that a full disk does not
    fill the log.
    """

    def __init__(self, **context: Any) -> None:
        self._log = logger("queues").bind(**context)
        self._logged_at = -_INTERVAL_S
        self._left_out = 0

    def warning(self, event: str, error: Exception, **details: Any) -> None:
        """Log the error with its hint, or count it for the next line."""
        now = time.monotonic()
        if now - self._logged_at < _INTERVAL_S:
            self._left_out += 1
            return
        hint = error.hint if isinstance(error, WindlassError) else ""
        self._log.warning(event, error=describe(error), hint=hint, left_out=self._left_out, **details)
        self._logged_at, self._left_out = now, 0
