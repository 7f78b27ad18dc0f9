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


class _Estimate(NamedTuple):
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
    reckoned: _Estimate | None = None
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
        self._ranges = {key_range.number: key_range for key_range in ranges or (Range(0, after, upto),)}
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
        empty, self._finished = self._finished, []
        return empty

    def next(self) -> tuple[Range | None, Split | None]:
        """Return the range to list next, and the split that created it. None while all ranges are being listed."""
        for key_range in self._ranges.values():
            if not key_range.asked:
                key_range.asked = True
                return key_range, None
        split, explored = (
            self._explore([("", key_range) for key_range in self._ranges.values() if key_range.upto is None]),
            True,
        )
        if split is None:
            split, explored = self._cut(), False
        if split is None:
            split, explored = (
                self._explore([(key_range.span[0], key_range) for key_range in self._ranges.values()]),
                True,
            )
        if split is None:
            return None, None
        key_range, at = split
        new = Range(
            self._next,
            at,
            key_range.upto,
            asked=True,
            reach=max(key_range.reach, _REACH),
            span=key_range.span,
            parent=key_range,
            explored=explored,
        )
        key_range.waits = True
        self._next += 1
        key_range.upto, key_range.reckoned = at, None
        self._ranges[new.number] = new
        return new, Split(key_range.number, new.number, at)

    def page(self, key_range: Range, keys: Sequence[str], *, more: bool) -> int:
        """Record a page, and return how many of its keys belong to the range. ValueError when the keys are out of
        order.
        """
        if keys and (keys[0] <= key_range.after or any(map(ge, keys, islice(keys, 1, None)))):
            raise ValueError(f"the listing is out of order after {key_range.after!r}")
        key_range.pages, key_range.reckoned = key_range.pages + 1, None
        key_range.reach = max(key_range.reach, min(float(key_range.pages), _REACH))
        self._pages += 1
        if key_range.parent is not None:
            if keys:
                self._space.follows(keys[0], key_range.after)
            self._learned(
                key_range, key_range.parent, empty=not keys or (key_range.upto is not None and keys[0] > key_range.upto)
            )
        if not more:
            self._ends(keys[-1] if keys else key_range.after)  # this range is being listed, so it stays
        key_range.asked = False
        count = len(keys) if key_range.upto is None else _count(keys, key_range.upto)
        self._space.learn(keys, before=key_range.span if key_range.pages not in _CLOSELY else None)
        if 0 < count < len(keys):
            self._space.neighbours(keys[count - 1], keys[count])
        if count > 1:
            key_range.span = (keys[0], keys[count - 1])
        if count:
            key_range.after = keys[count - 1]
        if count < len(keys) or not more or key_range.after == key_range.upto:
            self._finish(key_range)
        return count

    def _learned(self, key_range: Range, parent: Range, *, empty: bool) -> None:
        """Adjust the reach of both ranges after the first page of a split range."""
        key_range.parent, parent.waits = None, False
        if key_range.explored:
            self._vain_explored += empty
            self._exploring = False
        elif empty:
            parent.reach = 0.0  # until the parent has listed more pages
        else:
            key_range.reach = parent.reach = min(parent.reach * _FARTHER, _FARTHEST)

    def _finish(self, key_range: Range) -> None:
        key_range.done = True
        self._ranges.pop(key_range.number, None)

    def _ends(self, last: str) -> None:
        """Record that no key follows `last`. Ranges after it that are not being listed are empty, and finished with
        `prune`.
        """
        self._last = last if self._last is None else min(self._last, last)
        if not self._prune:
            return
        for other in [
            candidate for candidate in self._ranges.values() if candidate.after >= last and not candidate.asked
        ]:
            self._finish(other)
            self._finished.append(other.number)

    def _cut(self) -> tuple[Range, str] | None:
        """Return the range with the most pages left, and the key at which to split it."""
        best, most = None, 2.0 * _SMALLEST
        for key_range in self._ranges.values():
            if key_range.waits or not key_range.pages or not key_range.span[1] or key_range.reach < _SMALLEST:
                continue
            if key_range.reckoned is None:
                key_range.reckoned = self._reckon(key_range)
            if key_range.reckoned.left > most:
                best, most = key_range, key_range.reckoned.left
        if best is None or best.reckoned is None:
            return None
        _, at, per_page = best.reckoned
        pages = min(most / 2, best.reach)
        key = self._space.key(at + int(pages * 1000) * per_page // 1000, per_page // _GRAIN)
        return self._checked(best, key)

    def _reckon(self, key_range: Range) -> _Estimate:
        depth = self._space.depth(*key_range.span)
        at = self._space.number(key_range.span[1], depth)
        per_page = max(1, at - self._space.number(key_range.span[0], depth))
        if key_range.after != key_range.span[1]:
            at = self._space.number(key_range.after, depth)
        end = self._space.size if key_range.upto is None else self._space.number(key_range.upto, depth)
        return _Estimate((end - at) / per_page, at, per_page)

    def _explore(self, places: Iterable[tuple[str, Range]]) -> tuple[Range, str] | None:
        """Return a split after all expected keys, tried once per place. Only a request can find unexpected keys, and it
        is wasted only if there are none.
        """
        if self._exploring or self._vain_explored > _FREE + self._pages * _EXPLORED:
            return None
        for first, key_range in places:
            if key_range.waits or not key_range.pages or not key_range.span[1]:
                continue
            key = self._space.beyond_expected(first, key_range.span[1])
            if key and key not in self._tried:
                self._tried.add(key)
                split = self._checked(key_range, key)
                if split is not None:
                    self._exploring = True
                    return split
        return None

    def _checked(self, key_range: Range, key: str) -> tuple[Range, str] | None:
        """Return the split if both sides can hold keys, as far as is known."""
        if key <= key_range.after or (key_range.upto is not None and key >= key_range.upto):
            return None
        if self._last is not None and key >= self._last:
            return None
        return key_range, key


def _count(keys: Sequence[str], upto: str) -> int:
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] <= upto:
            low = middle + 1
        else:
            high = middle
    return low
