"""Versions of npm packages, in the order of Semantic Versioning 2.0.0, section 11."""

from __future__ import annotations

import re

from windlass.facts.versions.generic import compare_generic

__all__ = ["compare_semver"]

_SEMVER = re.compile(
    r"[v=\s]*(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?\s*"
)
_Identifier = tuple[int, int, str]


def compare_semver(left: str, right: str) -> int:
    """Return the order of two versions. Build metadata is ignored; a minor or patch number that is missing is 0."""
    ours, theirs = _SEMVER.fullmatch(left), _SEMVER.fullmatch(right)
    if ours is None or theirs is None:
        return compare_generic(left, right)
    first, second = _key(ours), _key(theirs)
    return (first > second) - (first < second)


def _key(match: re.Match[str]) -> tuple[tuple[int, ...], bool, tuple[_Identifier, ...]]:
    numbers = tuple(int(match[group] or 0) for group in (1, 2, 3))
    pre_release = match[4] or ""
    identifiers = tuple(_identifier(text) for text in pre_release.split(".")) if pre_release else ()
    return numbers, not pre_release, identifiers


def _identifier(text: str) -> _Identifier:
    """Return the sort key of an identifier: numbers before words."""
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
