"""The copy rate: one pace per prefix of the destination that S3 may throttle separately. Pure.

S3 accepts about 3,500 writes per second per partition of a bucket's keys, returns 503 above that, and splits a
partition only after about half an hour. So the pace of each top-level prefix starts low, grows while no request is
throttled, drops after a throttled request, and remembers that rate as its ceiling: near the ceiling it grows in small
steps. S3 does not show which prefixes share a partition; in a new bucket all of them do. When several prefixes are
throttled at once, all paces drop together and remember their total as a common ceiling. A prefix that is not throttled
for a long time may have its own partition, and grows despite the common ceiling.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["Pace", "Paces", "Total"]

_WINDOW_S = 0.25
_GROW = 1.35**_WINDOW_S
"""Growth by a third per second, while the ceiling is far away."""
_BACK, _BACK_NEAR = 0.8, 0.94
_NEAR = 0.97
_CAREFUL = 0.5
_CREEP = 0.004 * _WINDOW_S
_FORGET = 1.1
_BURST_S = 0.04
_LOWEST, _HIGHEST = 5.0, 200_000.0
_MOST_PLACES = 512
_TOTAL_S = 0.25
_LESS = 0.7
"""Below this share of the total rate at the time of a refusal, the ceiling of a pace is stale. It is lower than
`_BACK`, because the step back itself would otherwise count as free capacity.
"""
_TOGETHER_S = 1.0
"""Two prefixes that are throttled within this time are assumed to share a partition: all paces step back, once."""
_HELD_S, _TRUSTED_S = 18.0, 60.0
"""A pace that was not throttled for `_HELD_S` grows although the total is near its ceiling, and faster the longer that
lasts: it has less than its share, or its own partition.
"""
_LEAST_LEFT = 0.5
"""The minimum share of a rate that remains after the common steps taken while its prefix was idle."""


class Total:
    """The total rate of all prefixes of a bucket, in copies per second, and the rate at which it was throttled."""

    def __init__(self, now: float) -> None:
        self.rate = 0.0
        self.ceiling = math.inf
        self.steps = 0.0
        """The sum of all common steps so far, as the logarithm of the factor that they left of a rate."""
        self.refused_at = -math.inf
        self._refused: Pace | None = None
        self._count, self._since = 0.0, now

    def add(self, count: float, now: float) -> None:
        """Add copies that were sent."""
        self._count += count
        passed_s = now - self._since
        if passed_s >= _TOTAL_S:
            self.rate, self._count, self._since = self._count / passed_s, 0.0, now

    def refused(self, pace: Pace, now: float) -> bool:
        """Record a throttled request. True when another prefix was throttled just before: the total rate was too high."""
        together = self._refused is not pace and now - self.refused_at < _TOGETHER_S
        self._refused, self.refused_at = pace, now
        return together

    def step_back(self) -> None:
        """Reduce the rate of all paces."""
        near = self.rate >= self.ceiling * _NEAR * 0.9
        self.ceiling = max(self.rate, 1.0) if not near else min(self.rate, self.ceiling * 1.02)
        self.steps += math.log(_BACK_NEAR if near else _BACK)


class Pace:
    """The rate of one prefix. Call `take(now)` before each send, and `refused(now)` after each throttled request."""

    def __init__(self, rate: float, now: float, total: Total | None = None, *, most: float = _HIGHEST) -> None:
        self.rate = rate
        self.ceiling = self._most = most
        self._total = total or Total(now)
        self._total_then = 0.0
        self._steps = self._total.steps
        self._refused_at = now
        self._tokens = self._had = 1.0
        self._at = now
        self._window = now + _WINDOW_S
        self._wanting = False
        self._deaf_until = now

    def take(self, now: float) -> bool:
        """True when one more copy may be sent now; it is counted as sent."""
        if self._tokens >= 1.0:  # spend the existing tokens before the clock is read
            self._tokens -= 1.0
            return True
        total = self._total
        self._count(now)
        if self._steps != total.steps:
            self._follow(now)
        if now >= self._window:
            self._turn(now)
        if now > self._at:
            self._tokens = min(max(1.0, self.rate * _BURST_S), self._tokens + (now - self._at) * self.rate)
            self._at = now
        self._had = self._tokens
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return True
        self._wanting = True
        return False

    def refused(self, now: float) -> None:
        """Reduce the rate after a throttled request. Requests sent before this may still be throttled, and are ignored."""
        self._count(now)
        together = self._total.refused(self, now)
        self._refused_at = now
        if now < self._deaf_until:
            return
        if self._steps != self._total.steps:
            self._follow(now)
            return
        if together:
            self._total.step_back()
            self._follow(now)
            return
        near = self.rate >= self.ceiling * _NEAR * 0.9
        self.ceiling = self.rate if not near else min(self.rate, self.ceiling * 1.02)
        self.rate = max(_LOWEST, self.rate * (_BACK_NEAR if near else _BACK))
        self._total_then = self._total.rate
        self._quiet(now)

    def _count(self, now: float) -> None:
        """Add the copies since the last call to the total."""
        self._total.add(self._had - self._tokens, now)
        self._had = self._tokens

    def _follow(self, now: float) -> None:
        """Apply the common steps to this pace."""
        left = math.exp(self._total.steps - self._steps)
        self.rate = max(_LOWEST, self.rate * max(left, _LEAST_LEFT))
        self._steps = self._total.steps
        self._quiet(now)

    def _quiet(self, now: float) -> None:
        self._deaf_until = self._window = now + _WINDOW_S
        self._tokens = self._had = min(self._tokens, 1.0)
        self._wanting = False

    def _turn(self, now: float) -> None:
        """Raise the rate after a window without a throttled request."""
        total = self._total
        if self._wanting and now - total.refused_at > _WINDOW_S:
            if total.rate < self._total_then * _LESS:
                self.ceiling = self._most
            if total.rate > total.ceiling * _FORGET:
                total.ceiling = math.inf
            free = total.rate < total.ceiling * _NEAR
            unrefused_s = now - self._refused_at
            if self.rate < self.ceiling * _NEAR and (free or unrefused_s > _HELD_S):
                # The measured total is a moment old: paces that grow together must not pass the ceiling before it is
                # measured.
                eager = 1.0 if total.rate < total.ceiling * _BACK else _CAREFUL if free else unrefused_s / _TRUSTED_S
                self.rate = min(self.rate * _GROW ** min(1.0, eager), self.ceiling * _NEAR)
            else:
                self.rate = min(self.rate * (1 + _CREEP), self._most)
                if self.rate > self.ceiling * _FORGET:
                    self.ceiling = self._most
        self._wanting = False
        self._window = now + _WINDOW_S


class Paces:
    """The paces of one destination bucket, by the first segment of a key. New paces share the start rate."""

    def __init__(self, now: Callable[[], float], *, start: float = 600.0, most: float = _HIGHEST) -> None:
        self._now = now
        self._start, self._most = start, most
        self._total = Total(now())
        self._all: dict[str, Pace] = {}

    def of(self, key: str) -> Pace:
        """Return the pace of a key's prefix."""
        slash = key.find("/")
        top = key[:slash] if slash > 0 else ""
        pace = self._all.get(top)
        if pace is None:
            if len(self._all) >= _MOST_PLACES:
                top = ""
                pace = self._all.get(top)
            if pace is None:
                begin = min(self._most, max(_LOWEST, self._start / (len(self._all) + 1)))
                pace = self._all[top] = Pace(begin, self._now(), self._total, most=self._most)
        return pace

    @property
    def rate(self) -> float:
        """Return the sum of the allowed rates, in copies per second."""
        return sum(pace.rate for pace in self._all.values())
