"""A bucket's keys as ranges that several listers work on at once, split where the most keys are left. Pure.

A range holds the keys after `after`, up to and including `upto`. It is listed page by page from its start. When a
lister is free, the range with the most pages left is split in two. The number of pages left is estimated from the keys
of the last page. An estimate is trusted only up to `reach` pages, which grows fourfold after each correct one. Wrong
estimates cost requests, but every key is in exactly one range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import ge
from typing import NamedTuple

from windlass.replication.direct.listing.keyspace import KeySpace

__all__ = ["Range", "Ranges", "Split"]

_REACH = 16.0
_FARTHER, _FARTHEST = 4.0, 1e12
_SMALLEST = 4.0
"""The minimum number of pages for a split: each split wastes half a page on average."""
_CLOSELY = frozenset(4**power for power in range(20))
"""After these pages of a range, more pairs of adjacent keys are examined."""
_GRAIN = 8
"""The number of parts of a page to which a split is computed."""
_FREE, _EXPLORED = 2, 0.01
"""The number and the share of requests that may be spent on exploring unexpected keys."""


class _Reckoned(NamedTuple):
    """The estimated number of pages left in a range, the position of its last key, and the positions that a page
    covers.
    """

    left: float
    at: int
    per_page: int


@dataclass(slots=True, eq=False)
class Range:
    """The keys after `after`, up to and including `upto` (None: to the end)."""

    number: int
    after: str
    upto: str | None
    done: bool = False
    asked: bool = False
    pages: int = 0
    reach: float = _REACH
    explored: bool = False
    parent: Range | None = None
    waits: bool = False
    """True when a range was split off and its first page is still unknown."""
    span: tuple[str, str] = ("", "")
    """The first and last key of the page that the density is estimated from; a new range has that of its parent."""
    reckoned: _Reckoned | None = None
    """The estimate after its last page."""


@dataclass(frozen=True, slots=True)
class Split:
    """The split of a range: `number` now ends at `at`, and `new` starts after it."""

    number: int
    new: int
    at: str


class Ranges:
    """The ranges of a listing and their next pages. `ranges` are those that an earlier run left; by default, all of
    `after`..`upto`.
    """

    def __init__(
        self,
        ranges: Sequence[Range] = (),
        *,
        after: str = "",
        upto: str | None = None,
        largest: int = 0,
        prune: bool = True,
    ) -> None:
        self._space = KeySpace()
        self._ranges = {one.number: one for one in ranges or (Range(0, after, upto),)}
        self._next = max(largest, *self._ranges) + 1
        self._tried: set[str] = set()
        self._pages = self._vain_explored = 0
        self._exploring = False
        self._finished: list[int] = []
        self._prune = prune
        self._last: str | None = None
        """The last key of the bucket, once it is known."""

    def __iter__(self) -> Iterator[Range]:
        return iter(self._ranges.values())

    @property
    def done(self) -> bool:
        """True when everything was listed."""
        return not self._ranges

    def finished(self) -> list[int]:
        """Return the ranges that turned out to be empty without a request since the last call."""
        found, self._finished = self._finished, []
        return found

    def next(self) -> tuple[Range | None, Split | None]:
        """Return the range to list next, and the split that created it. None while all ranges are being listed."""
        for one in self._ranges.values():
            if not one.asked:
                one.asked = True
                return one, None
        found, explored = self._explore([("", one) for one in self._ranges.values() if one.upto is None]), True
        if found is None:
            found, explored = self._cut(), False
        if found is None:
            found, explored = self._explore([(one.span[0], one) for one in self._ranges.values()]), True
        if found is None:
            return None, None
        one, at = found
        new = Range(
            self._next,
            at,
            one.upto,
            asked=True,
            reach=max(one.reach, _REACH),
            span=one.span,
            parent=one,
            explored=explored,
        )
        one.waits = True
        self._next += 1
        one.upto, one.reckoned = at, None
        self._ranges[new.number] = new
        return new, Split(one.number, new.number, at)

    def page(self, one: Range, keys: Sequence[str], *, more: bool) -> int:
        """Record a page, and return how many of its keys belong to the range. ValueError when the keys are out of
        order.
        """
        if keys and (keys[0] <= one.after or any(map(ge, keys, islice(keys, 1, None)))):
            raise ValueError(f"the listing is out of order after {one.after!r}")
        one.pages, one.reckoned = one.pages + 1, None
        one.reach = max(one.reach, min(float(one.pages), _REACH))
        self._pages += 1
        if one.parent is not None:
            if keys:
                self._space.follows(keys[0], one.after)
            self._learned(one, one.parent, empty=not keys or (one.upto is not None and keys[0] > one.upto))
        if not more:
            self._ends(keys[-1] if keys else one.after)  # this range is being listed, so it stays
        one.asked = False
        mine = len(keys) if one.upto is None else _count(keys, one.upto)
        self._space.learn(keys, before=one.span if one.pages not in _CLOSELY else None)
        if 0 < mine < len(keys):
            self._space.neighbours(keys[mine - 1], keys[mine])
        if mine > 1:
            one.span = (keys[0], keys[mine - 1])
        if mine:
            one.after = keys[mine - 1]
        if mine < len(keys) or not more or one.after == one.upto:
            self._finish(one)
        return mine

    def _learned(self, one: Range, parent: Range, *, empty: bool) -> None:
        """Adjust the reach of both ranges after the first page of a split range."""
        one.parent, parent.waits = None, False
        if one.explored:
            self._vain_explored += empty
            self._exploring = False
        elif empty:
            parent.reach = 0.0  # until the parent has listed more pages
        else:
            one.reach = parent.reach = min(parent.reach * _FARTHER, _FARTHEST)

    def _finish(self, one: Range) -> None:
        one.done = True
        self._ranges.pop(one.number, None)

    def _ends(self, last: str) -> None:
        """Record that no key follows `last`. Ranges after it that are not being listed are empty, and finished with
        `prune`.
        """
        self._last = last if self._last is None else min(self._last, last)
        if not self._prune:
            return
        for other in [each for each in self._ranges.values() if each.after >= last and not each.asked]:
            self._finish(other)
            self._finished.append(other.number)

    def _cut(self) -> tuple[Range, str] | None:
        """Return the range with the most pages left, and the key at which to split it."""
        best, most = None, 2.0 * _SMALLEST
        for one in self._ranges.values():
            if one.waits or not one.pages or not one.span[1] or one.reach < _SMALLEST:
                continue
            if one.reckoned is None:
                one.reckoned = self._reckon(one)
            if one.reckoned.left > most:
                best, most = one, one.reckoned.left
        if best is None or best.reckoned is None:
            return None
        _, at, per_page = best.reckoned
        pages = min(most / 2, best.reach)
        key = self._space.key(at + int(pages * 1000) * per_page // 1000, per_page // _GRAIN)
        return self._checked(best, key)

    def _reckon(self, one: Range) -> _Reckoned:
        depth = self._space.depth(*one.span)
        at = self._space.number(one.span[1], depth)
        per_page = max(1, at - self._space.number(one.span[0], depth))
        if one.after != one.span[1]:
            at = self._space.number(one.after, depth)
        end = self._space.whole if one.upto is None else self._space.number(one.upto, depth)
        return _Reckoned((end - at) / per_page, at, per_page)

    def _explore(self, places: Iterable[tuple[str, Range]]) -> tuple[Range, str] | None:
        """Return a split after all expected keys, tried once per place. Only a request can find unexpected keys, and it
        is wasted only if there are none.
        """
        if self._exploring or self._vain_explored > _FREE + self._pages * _EXPLORED:
            return None
        for first, one in places:
            if one.waits or not one.pages or not one.span[1]:
                continue
            key = self._space.include_extra(first, one.span[1])
            if key and key not in self._tried:
                self._tried.add(key)
                found = self._checked(one, key)
                if found is not None:
                    self._exploring = True
                    return found
        return None

    def _checked(self, one: Range, key: str) -> tuple[Range, str] | None:
        """Return the split if both sides can hold keys, as far as is known."""
        if key <= one.after or (one.upto is not None and key >= one.upto):
            return None
        if self._last is not None and key >= self._last:
            return None
        return one, key


def _count(keys: Sequence[str], upto: str) -> int:
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] <= upto:
            low = middle + 1
        else:
            high = middle
    return low
