"""How fast to copy: one pace per place of the destination that S3 may throttle by itself. Pure.

S3 takes about 3,500 writes a second per partition of a bucket's keys, says 503 above that, and divides a partition only after
half an hour. So each top-level prefix begins slowly, grows while nothing is refused, steps back when something is, and
remembers where that was: near there it goes on by small steps. Which prefixes share a partition nobody says, and in a new
bucket all do: where several are refused at once, all step back together and remember their total; one that is
not refused for long may have a partition of its own, and grows all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["Pace", "Paces", "Total"]

_WINDOW_S = 0.25
_GROW = 1.35**_WINDOW_S
"""A third more each second, while the ceiling is far."""
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
"""Of all that was sent when a place was refused: with less than that, the place's ceiling says nothing any more. Less than `_BACK`,
or the step back itself would be taken for room."""
_TOGETHER_S = 1.0
"""Two places that are refused within this are one partition, as far as one can tell: all step back, once."""
_HELD_S, _TRUSTED_S = 18.0, 60.0
"""Who was not refused for so long grows beside a total that is near its ceiling, the faster the longer: it has less than its share,
or a partition of its own."""
_LEAST_LEFT = 0.5
"""Of a rate, by the steps that others took while its place sent nothing."""


class Total:
    """What all places of a bucket send, in copies a second, and what was refused of it."""

    def __init__(self, now: float) -> None:
        self.rate = 0.0
        self.ceiling = math.inf
        self.steps = 0.0
        """The steps that all took so far: the logarithm of what they left of a rate."""
        self.refused_at = -math.inf
        self._refused: Pace | None = None
        self._count, self._since = 0.0, now

    def add(self, count: float, now: float) -> None:
        """So many more were sent."""
        self._count += count
        passed_s = now - self._since
        if passed_s >= _TOTAL_S:
            self.rate, self._count, self._since = self._count / passed_s, 0.0, now

    def refused(self, pace: Pace, now: float) -> bool:
        """Whether another place was refused just before: then it is the total that was too much."""
        together = self._refused is not pace and now - self.refused_at < _TOGETHER_S
        self._refused, self.refused_at = pace, now
        return together

    def step_back(self) -> None:
        """All are to send less."""
        near = self.rate >= self.ceiling * _NEAR * 0.9
        self.ceiling = max(self.rate, 1.0) if not near else min(self.rate, self.ceiling * 1.02)
        self.steps += math.log(_BACK_NEAR if near else _BACK)


class Pace:
    """So many a second: `take(now)` before each send; each refusal is told."""

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
        """Whether one more may be sent now; it is counted as sent."""
        if self._tokens >= 1.0:  # what it has is used up before time is looked at
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
        """One was throttled: a step back, at once; what was sent before it may still be refused."""
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
        """Tell the total what was sent since the last time."""
        self._total.add(self._had - self._tokens, now)
        self._had = self._tokens

    def _follow(self, now: float) -> None:
        """The step that all take."""
        left = math.exp(self._total.steps - self._steps)
        self.rate = max(_LOWEST, self.rate * max(left, _LEAST_LEFT))
        self._steps = self._total.steps
        self._quiet(now)

    def _quiet(self, now: float) -> None:
        self._deaf_until = self._window = now + _WINDOW_S
        self._tokens = self._had = min(self._tokens, 1.0)
        self._wanting = False

    def _turn(self, now: float) -> None:
        """A window without a refusal is over: what it says of the pace."""
        total = self._total
        if self._wanting and now - total.refused_at > _WINDOW_S:
            if total.rate < self._total_then * _LESS:
                self.ceiling = self._most
            if total.rate > total.ceiling * _FORGET:
                total.ceiling = math.inf
            free = total.rate < total.ceiling * _NEAR
            unrefused_s = now - self._refused_at
            if self.rate < self.ceiling * _NEAR and (free or unrefused_s > _HELD_S):
                # What is measured is a moment old: all that grow at once must not pass the ceiling before it is seen.
                eager = 1.0 if total.rate < total.ceiling * _BACK else _CAREFUL if free else unrefused_s / _TRUSTED_S
                self.rate = min(self.rate * _GROW ** min(1.0, eager), self.ceiling * _NEAR)
            else:
                self.rate = min(self.rate * (1 + _CREEP), self._most)
                if self.rate > self.ceiling * _FORGET:
                    self.ceiling = self._most
        self._wanting = False
        self._window = now + _WINDOW_S


class Paces:
    """The paces of one destination bucket, by the first part of a key. New ones share what one may begin with."""

    def __init__(self, now: Callable[[], float], *, start: float = 600.0, most: float = _HIGHEST) -> None:
        self._now = now
        self._start, self._most = start, most
        self._total = Total(now())
        self._all: dict[str, Pace] = {}

    def of(self, key: str) -> Pace:
        """The pace of a key's place."""
        slash = key.find("/")
        top = key[:slash] if slash > 0 else ""
        found = self._all.get(top)
        if found is None:
            if len(self._all) >= _MOST_PLACES:
                top = ""
                found = self._all.get(top)
            if found is None:
                begin = min(self._most, max(_LOWEST, self._start / (len(self._all) + 1)))
                found = self._all[top] = Pace(begin, self._now(), self._total, most=self._most)
        return found

    @property
    def rate(self) -> float:
        """Copies a second that are allowed in all."""
        return sum(one.rate for one in self._all.values())
