"""A bucket's keys in ranges that several listers work on at once, cut where the most is left. Pure.

A range is the keys after one text, up to and with another. Each is listed page by page from its beginning; when a lister has nothing
to do, the range with the most left is cut in two. How much is left is guessed from the keys of its last page; a guess
is only believed so far (`reach`), four times farther each time that it proved right. Whatever is guessed, every key is in exactly one
range.
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
"""Pages that are worth a cut: half a page is read in vain at each."""
_CLOSELY = frozenset(4**power for power in range(20))
"""Pages of a range that are looked at closely."""
_GRAIN = 8
"""Into how many parts of a page a cut is reckoned."""
_FREE, _EXPLORED = 2, 0.01
"""How many requests, and which share of them, may be spent on a hunch."""


class _Reckoned(NamedTuple):
    """How many pages a range has left, the number of where it is, and how many numbers a page takes there."""

    left: float
    at: int
    per_page: int


@dataclass(slots=True, eq=False)
class Range:
    """The keys after `after`, up to and with `upto` (None: to the end)."""

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
    """A range was cut from this one, and nobody knows yet whether anything is in it."""
    span: tuple[str, str] = ("", "")
    """The first and last key of the page that its density is reckoned from; a new range has its neighbour's."""
    reckoned: _Reckoned | None = None
    """As of its last page."""


@dataclass(frozen=True, slots=True)
class Split:
    """A range became two: `number` ends at `at` now, `new` begins after it."""

    number: int
    new: int
    at: str


class Ranges:
    """Which page to ask for next. `ranges` are what an earlier run had left; else the whole of `after`..`upto`."""

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
        """Nothing is after this key."""

    def __iter__(self) -> Iterator[Range]:
        return iter(self._ranges.values())

    @property
    def done(self) -> bool:
        """Whether everything was listed."""
        return not self._ranges

    def finished(self) -> list[int]:
        """The ranges that turned out empty without being asked for, since this was last called."""
        found, self._finished = self._finished, []
        return found

    def next(self) -> tuple[Range | None, Split | None]:
        """The range whose next page is to be asked for, and the cut that made it; None while the others are under way."""
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
        """A page of this range came: how many of its keys belong to it. Out of order is ValueError."""
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
            self._ends(keys[-1] if keys else one.after)  # leaves this one alone: it is asked
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
        """The first page of a range that was cut from another: how far a guess may reach there."""
        one.parent, parent.waits = None, False
        if one.explored:
            self._vain_explored += empty
            self._exploring = False
        elif empty:
            parent.reach = 0.0  # until it has listed some pages more
        else:
            one.reach = parent.reach = min(parent.reach * _FARTHER, _FARTHEST)

    def _finish(self, one: Range) -> None:
        one.done = True
        self._ranges.pop(one.number, None)

    def _ends(self, last: str) -> None:
        """Nothing comes after `last`: what begins there, and was not asked for yet, is empty (with `prune`: is left out)."""
        self._last = last if self._last is None else min(self._last, last)
        if not self._prune:
            return
        for other in [each for each in self._ranges.values() if each.after >= last and not each.asked]:
            self._finish(other)
            self._finished.append(other.number)

    def _cut(self) -> tuple[Range, str] | None:
        """The range with the most left, and where to cut it."""
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
        """What is after all that is expected where a range's last key and a text differ, once for each place: what nobody expects is
        found only by looking, and looking costs nothing where something is.
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
        """A cut must leave something on either side, as far as is known."""
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
