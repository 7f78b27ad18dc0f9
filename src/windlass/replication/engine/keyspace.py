"""A key space as numbers: which characters stand where, so that a range of keys has a middle and a size. Pure.

Nothing here decides what is listed, only where a range is cut: a wrong guess costs a request, never a key.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import contains
from string import ascii_lowercase, ascii_uppercase, digits

__all__ = ["KeySpace"]

_SAMPLES = 16
_DEEPEST = 96
_BEYOND = 10
"""Positions that count after the first in which two keys differ."""
_HEX = "abcdef"
_LAST = "\U0010ffff"


class KeySpace:
    """What was seen of a bucket's keys, position by position."""

    def __init__(self) -> None:
        self._seen: list[set[str]] = []
        self._alphabets: list[list[str]] = []
        self._letters: set[str] = set()

    def learn(self, keys: Sequence[str]) -> None:
        """Look at some keys of a page."""
        for whole in {*keys[:: max(1, len(keys) // _SAMPLES)], *keys[-1:]}:
            key = whole[:_DEEPEST]
            if len(key) <= len(self._seen) and all(map(contains, self._seen, key)):
                continue
            for at, character in enumerate(key):
                if at == len(self._seen):
                    self._seen.append(set())
                    self._alphabets.append([])
                if character not in self._seen[at]:
                    self._seen[at].add(character)
                    self._alphabets[at] = []
                    if "a" <= character <= "z" and character not in self._letters:
                        self._letters.add(character)
                        self._alphabets = [[] for _ in self._seen]

    def depth(self, first: str, last: str) -> int:
        """How many positions tell two keys of a page apart well enough."""
        return min(len(self._seen), _shared(first, last) + _BEYOND)

    def number(self, key: str, depth: int) -> int:
        """Where a key stands among all of so many positions."""
        number, inside = 0, True
        for at in range(depth):
            alphabet = self._alphabet(at)
            digit = 0
            if inside and at < len(key):
                digit = bisect_left(alphabet, key[at])
                inside = digit < len(alphabet) and alphabet[digit] == key[at]
                digit += inside
            else:
                inside = False
            number = number * (len(alphabet) + 1) + digit
        return number

    def end(self, depth: int) -> int:
        """One more than the last number of so many positions."""
        number = 1
        for at in range(depth):
            number *= len(self._alphabet(at)) + 1
        return number

    def key(self, number: int, depth: int) -> str:
        """The key that stands there; positions after an unused one are left out."""
        found: list[str] = []
        for at in reversed(range(depth)):
            alphabet = self._alphabet(at)
            number, digit = divmod(number, len(alphabet) + 1)
            if digit == 0:
                found.clear()
            else:
                found.append(alphabet[digit - 1])
        return "".join(reversed(found))

    def beyond(self, first: str, last: str) -> str:
        """A text after every key that differs from these where they differ from each other, by a character of the same kind."""
        at = _shared(first, last)
        if at >= len(self._seen):
            return ""
        highest = self._alphabet(at)[-1]
        return first[:at] + chr(min(ord(highest) + 1, ord(_LAST)))

    def _alphabet(self, at: int) -> list[str]:
        found = self._alphabets[at]
        if not found:
            found = self._alphabets[at] = sorted(_kind(self._seen[at], hexadecimal=self._letters <= set(_HEX)))
        return found


def _kind(seen: set[str], *, hexadecimal: bool) -> set[str]:
    """Characters to reckon with where these were seen."""
    found = set(seen)
    if any(one in digits for one in seen):
        found.update(digits)
        if hexadecimal:
            found.update(_HEX)
    if any("a" <= one <= "z" for one in seen):
        found.update(_HEX if hexadecimal else ascii_lowercase)
    if any("A" <= one <= "Z" for one in seen):
        found.update(ascii_uppercase)
    return found


def _shared(one: str, other: str) -> int:
    """How many characters two keys begin with alike."""
    at = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        at += 1
    return at
