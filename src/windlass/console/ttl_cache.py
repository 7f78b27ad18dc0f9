"""A cache of computed results: valid while their etag holds, for a bounded time, and never recomputed too often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

__all__ = ["TTLCache"]

Answer = TypeVar("Answer")

TTL_S = 60.0
MIN_AGE_S = 1.0  # a result this young is served although its etag changed: a running collection changes it constantly
COST_FACTOR = 3  # but no longer than a few times what it cost to compute: cheap results stay exact
MAX_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    etag: str
    computed_at: float
    cost_s: float


class TTLCache:
    """Results by key, each with the etag of the data it was computed from. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def get(self, key: str, etag: str, compute: Callable[[], Answer]) -> Answer:
        """Return the cached result, or compute and store a new one."""
        now = self._clock()
        entry = self._entries.get(key)
        if entry is not None:
            age_s = now - entry.computed_at
            if (entry.etag == etag and age_s < TTL_S) or age_s < min(MIN_AGE_S, COST_FACTOR * entry.cost_s):
                return cast("Answer", entry.value)
        value = compute()
        done = self._clock()
        with self._lock:
            if len(self._entries) >= MAX_ENTRIES:
                self._entries.clear()
            self._entries[key] = _Entry(value, etag, done, done - now)
        return value
