"""How fast to copy: one pace per place of the destination that S3 may throttle by itself. Pure.

S3 takes about 3,500 writes a second per partition of a bucket's keys, says 503 above that, and divides a partition only after
half an hour. So each top-level prefix begins slowly, grows while nothing is refused, steps back when something is, and
remembers where that was: near there it goes on by small steps.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Pace", "Paces"]

_WINDOW_S = 0.25
_GROW = 1.35**_WINDOW_S
"""A third more each second, while the ceiling is far."""
_BACK, _BACK_NEAR = 0.8, 0.94
_NEAR = 0.97
_CREEP = 0.004 * _WINDOW_S
_FORGET = 1.1
_BURST_S = 0.04
_LOWEST, _HIGHEST = 5.0, 200_000.0
_MOST_PLACES = 512


class Pace:
    """So many a second: `take(now)` before each send; each refusal is told."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self.ceiling = _HIGHEST
        self._tokens, self._at = 1.0, now
        self._window = now + _WINDOW_S
        self._wanting = False
        self._deaf_until = now

    def take(self, now: float) -> bool:
        """Whether one more may be sent now; it is counted as sent."""
        if self._tokens >= 1.0:  # what it has is used up before time is looked at
            self._tokens -= 1.0
            return True
        if now >= self._window:
            self._turn(now)
        if now > self._at:
            self._tokens = min(max(1.0, self.rate * _BURST_S), self._tokens + (now - self._at) * self.rate)
            self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return True
        self._wanting = True
        return False

    def refused(self, now: float) -> None:
        """One was throttled: a step back, at once; what was sent before it may still be refused."""
        if now < self._deaf_until:
            return
        near = self.rate >= self.ceiling * _NEAR * 0.9
        self.ceiling = self.rate if not near else min(self.rate, self.ceiling * 1.02)
        self.rate = max(_LOWEST, self.rate * (_BACK_NEAR if near else _BACK))
        self._deaf_until = self._window = now + _WINDOW_S
        self._tokens, self._wanting = min(self._tokens, 1.0), False

    def _turn(self, now: float) -> None:
        """A window without a refusal is over: what it says of the pace."""
        if self._wanting:
            if self.rate < self.ceiling * _NEAR:
                self.rate = min(self.rate * _GROW, self.ceiling * _NEAR, _HIGHEST)
            else:
                self.rate = min(self.rate + self.ceiling * _CREEP, _HIGHEST)
                if self.rate > self.ceiling * _FORGET:
                    self.ceiling = _HIGHEST
        self._wanting = False
        self._window = now + _WINDOW_S


class Paces:
    """The paces of one destination bucket, by the first part of a key. New ones share what one may begin with."""

    def __init__(self, now: Callable[[], float], *, start: float = 600.0, most: float = _HIGHEST) -> None:
        self._now = now
        self._start, self._most = start, most
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
                begin = min(self._most, max(50.0, self._start / (len(self._all) + 1)))
                found = self._all[top] = Pace(begin, self._now())
                found.ceiling = min(found.ceiling, self._most)
        return found

    @property
    def rate(self) -> float:
        """Copies a second that are allowed in all."""
        return sum(one.rate for one in self._all.values())
