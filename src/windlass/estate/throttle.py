"""One pace per (account, region, service), shared by all workers: additive increase, multiplicative decrease.

A scope is not limited until it is throttled once. Then calls go out at a pace that is cut at each throttled response
(at most once a second, because a burst counts once) and grows a little with each successful second. The core is a
function of the time it is given; `Pacer` adds the clock, the lock and the waiting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from windlass.estate.model import Scope, ThrottleStat

__all__ = ["Bucket", "Pacer"]

_CUT = 0.8
_GROWTH = 0.02
_MIN_RATE = 0.5
_RECENT_S = 1.0


@dataclass(slots=True)
class Bucket:
    """A token bucket with an adaptive rate. Times are monotonic seconds, given by the caller."""

    rate_per_s: float = 0.0  # 0: not limited
    next_at: float = 0.0
    cut_at: float = -1e9
    grown_at: float = 0.0
    calls: int = 0
    throttled: int = 0
    window_at: float = 0.0
    window_calls: int = 0
    pace: float = 0.0  # successful calls in the last full second

    def reserve(self, now: float) -> float:
        """Reserve the next slot; return the seconds to wait for it."""
        self.calls += 1
        if self.rate_per_s <= 0:
            return 0.0
        # After a pause, at most a tenth of a second's calls may be made up: bursts get throttled.
        start = max(self.next_at, now - 0.1)
        self.next_at = start + 1 / self.rate_per_s
        return max(0.0, start - now)

    def succeeded(self, now: float) -> None:
        """Record that a call was answered."""
        if now - self.window_at >= _RECENT_S:
            self.pace = self.window_calls / max(now - self.window_at, _RECENT_S)
            self.window_at, self.window_calls = now, 0
        self.window_calls += 1
        if self.rate_per_s > 0 and now - max(self.cut_at, self.grown_at) >= _RECENT_S:
            self.grown_at = now
            self.rate_per_s *= 1 + _GROWTH

    def refused(self, now: float) -> None:
        """Record that a call was throttled."""
        self.throttled += 1
        if now - self.cut_at < _RECENT_S:
            return
        self.cut_at = now
        current = self.rate_per_s or max(self.pace, self.window_calls / max(now - self.window_at, 0.1), 5.0)
        self.rate_per_s = max(_MIN_RATE, current * _CUT)
        self.next_at = max(self.next_at, now + 1 / self.rate_per_s)


class Pacer:
    """The buckets of all scopes."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._buckets: dict[Scope, Bucket] = {}

    def wait(self, scope: Scope) -> None:
        """Wait for this scope's next slot; other scopes do not wait."""
        with self._lock:
            delay_s = self._bucket(scope).reserve(self._clock())
        if delay_s > 0:
            self._sleep(delay_s)

    def succeeded(self, scope: Scope) -> None:
        """Record a successful response."""
        with self._lock:
            self._bucket(scope).succeeded(self._clock())

    def refused(self, scope: Scope) -> None:
        """Record a throttled response."""
        with self._lock:
            self._bucket(scope).refused(self._clock())

    def stats(self) -> tuple[ThrottleStat, ...]:
        """Every scope's counts and pace, the most throttled first."""
        with self._lock:
            stats = [
                ThrottleStat(scope, bucket.calls, bucket.throttled, round(bucket.rate_per_s, 2))
                for scope, bucket in self._buckets.items()
            ]
        return tuple(sorted(stats, key=lambda stat: (-stat.throttled, -stat.calls)))

    def _bucket(self, scope: Scope) -> Bucket:
        return self._buckets.setdefault(scope, Bucket())
