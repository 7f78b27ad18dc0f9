"""Versions without a rule of their own: Homebrew, apk, applications of Windows and macOS.

Numbers are compared as numbers and words as words. A word that marks a pre-release (`alpha`, `beta`, `rc`, …) is older than
the end, any other word newer, a number the newest: `1.0rc1` < `1.0` < `1.0p1` < `1.0.1` < `1.0.10`.
"""

from __future__ import annotations

import re

__all__ = ["compare_generic"]

_PART = re.compile(r"[0-9]+|[a-z]+", re.IGNORECASE)
_PRE_RELEASES = frozenset({"alpha", "a", "beta", "b", "pre", "preview", "rc", "dev", "snapshot", "nightly"})

_Part = tuple[int, int, str]
_END: _Part = (1, 0, "")


def compare_generic(left: str, right: str) -> int:
    """Return the order of two versions by their numbers and words. Trailing zeros make no difference: `1.0` is `1`."""
    ours, theirs = _parts(left), _parts(right)
    length = max(len(ours), len(theirs))
    padded = [[*parts, *[_END] * (length - len(parts))] for parts in (ours, theirs)]
    return (padded[0] > padded[1]) - (padded[0] < padded[1])


def _parts(version: str) -> list[_Part]:
    parts = [_part(text.lower()) for text in _PART.findall(version)]
    while parts and parts[-1] == _END:
        parts.pop()
    return parts


def _part(text: str) -> _Part:
    """Return a sort key: pre-releases, then the end and zero, then words, then numbers."""
    if text.isdigit():
        number = int(text)
        return (3, number, "") if number else _END
    return (0, 0, text) if text in _PRE_RELEASES else (2, 0, text)
