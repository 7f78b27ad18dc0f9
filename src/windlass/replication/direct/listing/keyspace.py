"""A key space as numbers: which characters may follow which, so that a range of keys has a middle and a size. Pure.

A key is split into segments at punctuation. The characters seen after the beginning of a segment are remembered for all
segments with the same index, whatever precedes them: the months of one year predict the months of the next. Two
adjacent keys of a page carry more information, because no key is between them: the first has the highest follower at
the place where they differ, and the second the lowest.

This module decides only where a range is split, never what is listed: a wrong guess costs a request, not a key.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase, digits, punctuation

__all__ = ["KeySpace"]

_SAMPLES = 2
_DEEPEST = 96
_TOLD = 64
"""How many beginnings of a segment are stored separately, for each length up to `_LONGEST`. A segment with more of them
holds names that can be anything.
"""
_LONGEST = 6
_WHOLE = 1 << 448
_FURTHER = 4
"""Characters that are read after the common beginning of two adjacent keys."""
_SCRIPT = 16
"""How many letters of another script must be seen before any other letter of the script is expected."""
_HEX = frozenset("abcdef")
_LOWER, _DIGITS = frozenset(ascii_lowercase), frozenset(digits)
_SEPARATORS = frozenset(punctuation + " ")
_LAST = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)

_Where = tuple[int, str | int]
"""The index of a segment, and its beginning or the length of its beginning."""


@dataclass(slots=True, eq=False)
class _Place:
    """The followers seen at one place: characters, or "" for the end of the key."""

    wider: _Place | None
    """The place for all beginnings of this length; None for such a place itself."""
    varies: set[str]
    """The characters with which keys differed in this segment."""
    seen: set[str] = field(default_factory=set)
    lowest: str | None = None
    """The lowest follower: adjacent keys show that none precedes it."""
    highest: str | None = None
    told: int = 0
    """For a place of one length only: the number of its separately stored places,"""
    whole: int = 0
    """how many of those have a known lowest and highest follower,"""
    branched: int = 0
    """and how many have more than one follower."""
    changed: int = 0
    expected: list[str] = field(default_factory=list)
    """The expected followers, in order, valid for the number of changes in `reckoned`."""
    reckoned: int = -1

    @property
    def closed(self) -> bool:
        """True when the lowest and the highest follower are known."""
        return self.lowest is not None and self.highest is not None

    def changes(self) -> None:
        """Invalidate the expected followers."""
        self.changed, self.reckoned = self.changed + 1, -1

    def found(self, follower: str) -> None:
        """Record a follower."""
        if follower not in self.seen:
            self.seen.add(follower)
            self.changes()

    def begins(self, follower: str) -> None:
        """Record the lowest follower."""
        if self.lowest is None or follower < self.lowest:
            self.lowest = follower
            self.changes()

    def ends(self, follower: str) -> None:
        """Record the highest follower."""
        if self.highest is None or follower > self.highest:
            self.highest = follower
            self.changes()


class KeySpace:
    """The knowledge about a bucket's keys."""

    def __init__(self) -> None:
        self._places: dict[_Where, _Place] = {}
        self._varies: dict[int, set[str]] = {}

    def learn(self, keys: Sequence[str], *, before: tuple[str, str] | None = None) -> None:
        """Learn from the adjacent keys of a page that differ earliest, and from others at equal distances.

        With `before`, the first and last key of an earlier page, learn from one pair only, and only if this page
        differs earlier.
        """
        if not keys:
            return
        shared = _shared(keys[0], keys[-1])
        if before is not None and shared >= _shared(*before):
            return
        some = set(_borders(keys, shared, _SAMPLES if before is None else 1))
        if before is None:
            some.update(range(1, len(keys), max(1, len(keys) // _SAMPLES)))
            self._learn(keys[0], 0, _DEEPEST)
        for at in some:
            self._neighbours(keys[at - 1], keys[at], shared)

    def neighbours(self, key: str, after: str) -> None:
        """Record that no key is between two keys."""
        self._neighbours(key, after, 0)

    def follows(self, key: str, text: str) -> None:
        """Record that no key is between a text and this key."""
        self._learn(key, 0, _shared(text, key))

    def _neighbours(self, key: str, after: str, since: int) -> None:
        shared = _shared(key, after)
        self._learn(key, since, shared, ends=True)
        self._learn(after, since, shared)

    def depth(self, first: str, last: str) -> int:
        """Return how many characters distinguish two keys of a page well enough."""
        return _shared(first, last) + _FURTHER

    def number(self, key: str, depth: int = _DEEPEST) -> int:
        """Return the position of a key's first `depth` characters, from 0 to `whole`. It never decreases from a key to
        a greater one.
        """
        number, width = 0, _WHOLE
        segment = begun = 0
        for at in range(min(len(key), depth, _DEEPEST) + 1):
            followers, follower = self._may_follow(segment, key[begun:at]), key[at : at + 1]
            many = len(followers)
            if not many:
                break
            if many > 1 or followers[0] != follower:
                digit = bisect_left(followers, follower)
                number += width * digit // many
                if digit == many or followers[digit] != follower:
                    break
                width //= many
            if follower in _SEPARATORS:
                segment, begun = segment + 1, at + 1
        return number

    @property
    def whole(self) -> int:
        """Return a number greater than any position."""
        return _WHOLE

    def key(self, number: int, grain: int) -> str:
        """Return the beginning of the keys at this position, just long enough to distinguish positions that are `grain`
        apart.
        """
        text, width, segment, begun = "", _WHOLE, 0, 0
        while len(text) < _DEEPEST and width > grain:
            followers = self._may_follow(segment, text[begun:])
            if not followers:
                break
            digit = min(((number + 1) * len(followers) - 1) // width, len(followers) - 1)
            if not followers[digit]:
                break
            text += followers[digit]
            number -= width * digit // len(followers)
            width //= len(followers)
            if followers[digit] in _SEPARATORS:
                segment, begun = segment + 1, len(text)
        return text

    def beyond_expected(self, first: str, last: str) -> str:
        """Return a text after all expected keys at the place where two keys differ; empty when the highest follower is
        known.
        """
        shared = _shared(first, last)
        segment, begun = _segment(first, shared)
        place = self._at(segment, first[begun:shared])
        highest = max(self._may_follow(segment, first[begun:shared]), default="")
        return first[:shared] + _next(highest) if place and place.highest is None and highest else ""

    def _learn(self, key: str, since: int, shared: int, *, ends: bool = False) -> None:
        """Record a key whose next (`ends`) or previous neighbour shares `shared` characters with it."""
        segment, begun = _segment(key, since)
        for at in range(since, min(len(key), shared + _FURTHER, _DEEPEST) + 1):
            follower = key[at : at + 1]
            place = self._made(segment, key[begun:at])
            wider = place.wider
            closed, few = place.closed, len(place.seen) < 2
            for learner in (place, wider) if wider else (place,):
                learner.found(follower)
                if at > shared:
                    (learner.ends if ends else learner.begins)(follower)
            if at > shared:
                place.varies.add(follower)
            if wider:
                whole, branched = place.closed and not closed, few and len(place.seen) > 1
                wider.whole += whole
                wider.branched += branched
                wider.changed += whole or branched
            if follower in _SEPARATORS:
                segment, begun = segment + 1, at + 1

    def _at(self, segment: int, begun: str) -> _Place | None:
        """Return the place after the beginning of a segment."""
        return self._places.get((segment, begun)) or self._places.get((segment, len(begun)))

    def _made(self, segment: int, begun: str) -> _Place:
        wide = segment, len(begun)
        wider = self._places.get(wide)
        if wider is None:
            wider = self._places[wide] = _Place(None, self._varies.setdefault(segment, set()))
        place = self._places.get((segment, begun))
        if place is None and len(begun) <= _LONGEST and wider.told < _TOLD:
            wider.told += 1
            place = self._places[segment, begun] = _Place(wider, wider.varies)
        return place or wider

    def _may_follow(self, segment: int, begun: str) -> list[str]:
        """Return the followers that were seen or are expected, in order."""
        place = self._at(segment, begun)
        if place is None:
            return []
        wider = place.wider or place
        changed = len(place.varies) + (0 if place.closed else wider.changed)
        if place.reckoned != changed:
            place.expected, place.reckoned = sorted(_followers(place, wider, inside=begun != "")), changed
        return place.expected


def _followers(place: _Place, wider: _Place, *, inside: bool) -> set[str]:
    """Return the followers seen here and, between the known lowest and highest, those seen at other places or of the
    same kind.
    """
    if place.lowest is not None and place.lowest == place.highest and len(place.seen) == 1:
        return place.seen
    varies = place.varies
    letters = _HEX if varies & _LOWER and varies & _LOWER <= _HEX else _LOWER
    if place is not wider and len(place.seen) == 1 and wider.branched * 4 <= wider.whole:
        # Where other beginnings have one follower each, names probably do, too. Digits vary, unless seen otherwise.
        of_name = inside and not place.seen & (_DIGITS | _HEX if letters is _HEX else _DIGITS)
        if of_name or wider.whole > 1:
            return place.seen
    expected = set(place.seen) if place.closed else place.seen | wider.seen
    if expected & _DIGITS:
        expected |= _DIGITS | _HEX if letters is _HEX else _DIGITS
    if expected & _LOWER:
        expected |= letters
    if letters is _LOWER and any("A" <= character <= "Z" for character in expected):
        expected.update(map(str.upper, letters))
    if any(character > "\x7f" for character in expected):
        script = {letter for letter in varies if letter > "\x7f"}
        if len(script) >= _SCRIPT:
            expected |= script
    lowest = "" if place.lowest is None else min(place.lowest, *place.seen)
    highest = _LAST if place.highest is None else max(place.highest, *place.seen)
    return {character for character in expected if character in place.seen or lowest <= character <= highest}


def _segment(key: str, at: int) -> tuple[int, int]:
    """Return the index and the start of the segment that holds the character at `at`."""
    before = [place for place, character in enumerate(key[:at], 1) if character in _SEPARATORS]
    return len(before), before[-1] if before else 0


def _borders(keys: Sequence[str], shared: int, most: int) -> Iterator[int]:
    """Yield the positions in a page where adjacent keys differ first after their common beginning."""
    at = 0
    while most:
        head = keys[at][: shared + 1]
        at = max(at + 1, bisect_left(keys, head[:-1] + _next(head[-1]), at) if len(head) > shared else 0)
        if at >= len(keys):
            return
        yield at
        most -= 1


def _next(character: str) -> str:
    """Return the next character that a key can have."""
    code = ord(character) + 1
    return chr(_SURROGATES.stop if code in _SURROGATES else min(code, ord(_LAST)))


def _shared(key: str, other: str) -> int:
    """Return the length of the common beginning of two keys."""
    at = 0
    for a, b in zip(key, other, strict=False):
        if a != b:
            break
        at += 1
    return at
