"""A key space as numbers: what may follow what, so that a range of keys has a middle and a size. Pure.

A key is read as segments between punctuation. What was seen to follow the beginning of a segment is remembered for all segments
of that number, whatever was before them: the months of one year are those of the next. And two neighbours in
a page say more than their characters: nothing is between them, so that the first ends all that it does not share with the
second, and the second begins it.

Nothing here decides what is listed, only where a range is cut: a wrong guess costs a request, never a key.
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
"""Beginnings of a segment that are told apart, of each length up to `_LONGEST`; more than that are of names that may be anything."""
_LONGEST = 6
_WHOLE = 1 << 448
_FURTHER = 4
"""Characters that are looked at after those in which two neighbours agree."""
_SCRIPT = 16
"""Letters of other scripts that must have been seen before any of them is expected where one was."""
_HEX = frozenset("abcdef")
_LOWER, _DIGITS = frozenset(ascii_lowercase), frozenset(digits)
_SEPARATORS = frozenset(punctuation + " ")
_LAST = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)

_Where = tuple[int, str | int]
"""The number of a segment, and what it began with or how many characters that were."""


@dataclass(slots=True, eq=False)
class _Place:
    """What was seen to follow there: characters, "" for the end of the key."""

    wider: _Place | None
    """The place known by its length only; None in itself."""
    varies: set[str]
    """The characters that keys were seen to begin or end something with, in that segment."""
    seen: set[str] = field(default_factory=set)
    lowest: str | None = None
    """What a key was seen to begin with there: nothing comes before it."""
    highest: str | None = None
    told: int = 0
    """Of a place known by its length only: how many places are told apart there,"""
    whole: int = 0
    """how many of them are known from the lowest to the highest,"""
    branched: int = 0
    """and how many have more than one follower."""
    changed: int = 0
    expected: list[str] = field(default_factory=list)
    """What may follow, in order, as it was reckoned when so much had changed elsewhere."""
    reckoned: int = -1

    @property
    def closed(self) -> bool:
        """Whether it is known where its followers begin and end."""
        return self.lowest is not None and self.highest is not None

    def changes(self) -> None:
        """What was reckoned is no longer true."""
        self.changed, self.reckoned = self.changed + 1, -1

    def found(self, follower: str) -> None:
        """It was seen there."""
        if follower not in self.seen:
            self.seen.add(follower)
            self.changes()

    def begins(self, follower: str) -> None:
        """Nothing comes before it."""
        if self.lowest is None or follower < self.lowest:
            self.lowest = follower
            self.changes()

    def ends(self, follower: str) -> None:
        """Nothing comes after it."""
        if self.highest is None or follower > self.highest:
            self.highest = follower
            self.changes()


class KeySpace:
    """What was seen of a bucket's keys."""

    def __init__(self) -> None:
        self._places: dict[_Where, _Place] = {}
        self._varies: dict[int, set[str]] = {}

    def learn(self, keys: Sequence[str], *, before: tuple[str, str] | None = None) -> None:
        """Look at those neighbours of a page that differ first, and at others, evenly spread. With the first and last key of a page
        `before`: only at one, and only where more changes from one to the next than did there.
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

    def neighbours(self, one: str, after: str) -> None:
        """Nothing is between two keys."""
        self._neighbours(one, after, 0)

    def follows(self, key: str, text: str) -> None:
        """Nothing is between a text and this key."""
        self._learn(key, 0, _shared(text, key))

    def _neighbours(self, one: str, after: str, since: int) -> None:
        shared = _shared(one, after)
        self._learn(one, since, shared, ends=True)
        self._learn(after, since, shared)

    def depth(self, first: str, last: str) -> int:
        """How many characters tell two keys of a page apart well enough."""
        return _shared(first, last) + _FURTHER

    def number(self, key: str, depth: int = _DEEPEST) -> int:
        """Where a key stands by its first `depth` characters, from 0 up to `whole`; of two keys the lesser has no greater one."""
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
        """More than any number."""
        return _WHOLE

    def key(self, number: int, grain: int) -> str:
        """What the keys that stand there begin with: no longer than it takes to tell places apart that have `grain` between them."""
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

    def include_extra(self, first: str, last: str) -> str:
        """A text after all that is expected where these differ; none where it is known what comes last."""
        shared = _shared(first, last)
        segment, begun = _segment(first, shared)
        place = self._at(segment, first[begun:shared])
        highest = max(self._may_follow(segment, first[begun:shared]), default="")
        return first[:shared] + _next(highest) if place and place.highest is None and highest else ""

    def _learn(self, key: str, since: int, shared: int, *, ends: bool = False) -> None:
        """A key was seen whose neighbour after it (`ends`) or before it shares so many characters with it."""
        segment, begun = _segment(key, since)
        for at in range(since, min(len(key), shared + _FURTHER, _DEEPEST) + 1):
            follower = key[at : at + 1]
            place = self._made(segment, key[begun:at])
            wider = place.wider
            closed, few = place.closed, len(place.seen) < 2
            for one in (place, wider) if wider else (place,):
                one.found(follower)
                if at > shared:
                    (one.ends if ends else one.begins)(follower)
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
        """The place after what a segment began with."""
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
        """In order: what was seen there, and what may be expected."""
        place = self._at(segment, begun)
        if place is None:
            return []
        wider = place.wider or place
        changed = len(place.varies) + (0 if place.closed else wider.changed)
        if place.reckoned != changed:
            place.expected, place.reckoned = sorted(_followers(place, wider, inside=begun != "")), changed
        return place.expected


def _followers(place: _Place, wider: _Place, *, inside: bool) -> set[str]:
    """What was seen there; and, within what is known to begin and end there, what was seen elsewhere and what is of the same kind."""
    if place.lowest is not None and place.lowest == place.highest and len(place.seen) == 1:
        return place.seen
    varies = place.varies
    letters = _HEX if varies & _LOWER and varies & _LOWER <= _HEX else _LOWER
    if place is not wider and len(place.seen) == 1 and wider.branched * 4 <= wider.whole:
        # Where a segment goes on in one way only, elsewhere: so do names. Digits are different until it was seen.
        of_name = inside and not place.seen & (_DIGITS | _HEX if letters is _HEX else _DIGITS)
        if of_name or wider.whole > 1:
            return place.seen
    expected = set(place.seen) if place.closed else place.seen | wider.seen
    if expected & _DIGITS:
        expected |= _DIGITS | _HEX if letters is _HEX else _DIGITS
    if expected & _LOWER:
        expected |= letters
    if letters is _LOWER and any("A" <= one <= "Z" for one in expected):
        expected.update(map(str.upper, letters))
    if any(one > "\x7f" for one in expected):
        script = {one for one in varies if one > "\x7f"}
        if len(script) >= _SCRIPT:
            expected |= script
    lowest = "" if place.lowest is None else min(place.lowest, *place.seen)
    highest = _LAST if place.highest is None else max(place.highest, *place.seen)
    return {one for one in expected if one in place.seen or lowest <= one <= highest}


def _segment(key: str, at: int) -> tuple[int, int]:
    """The number of the segment that has this character of a key, and where it begins."""
    before = [place for place, character in enumerate(key[:at], 1) if character in _SEPARATORS]
    return len(before), before[-1] if before else 0


def _borders(keys: Sequence[str], shared: int, most: int) -> Iterator[int]:
    """Where the keys of a page, which begin alike up to there, differ first from one to the next."""
    at = 0
    while most:
        head = keys[at][: shared + 1]
        at = max(at + 1, bisect_left(keys, head[:-1] + _next(head[-1]), at) if len(head) > shared else 0)
        if at >= len(keys):
            return
        yield at
        most -= 1


def _next(character: str) -> str:
    """The next character that a key may have."""
    code = ord(character) + 1
    return chr(_SURROGATES.stop if code in _SURROGATES else min(code, ord(_LAST)))


def _shared(one: str, other: str) -> int:
    """How many characters two keys begin with alike."""
    at = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        at += 1
    return at
