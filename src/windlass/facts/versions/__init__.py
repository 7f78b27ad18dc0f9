"""Versions in order, each by the rules of its package manager.

`compare(kind, left, right)` is negative, zero or positive. A version that its rule cannot read is compared by the generic
rule: numbers as numbers, words as words.

`compare_to_bound(kind, version, bound)` answers "below 3.0.14" as people ask it: a bound without an epoch ignores the epoch
of the version, and a bound without a revision compares upstream versions alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from windlass.facts.versions.deb import compare_deb, split_deb
from windlass.facts.versions.generic import compare_generic
from windlass.facts.versions.pep440 import compare_pep440
from windlass.facts.versions.rpm import compare_rpm, split_rpm
from windlass.facts.versions.semver import compare_semver

__all__ = ["compare", "compare_to_bound"]

Compare = Callable[[str, str], int]

_COMPARES: Mapping[str, Compare] = {
    "deb": compare_deb,
    "rpm": compare_rpm,
    "python": compare_pep440,
    "npm": compare_semver,
}  # apk, Homebrew and applications have the generic rule

_SPLIT = {"deb": split_deb, "rpm": split_rpm}


def compare(kind: str, left: str, right: str) -> int:
    """Return the order of two versions of a kind: negative, 0 or positive."""
    return _COMPARES.get(kind, compare_generic)(left, right)


def compare_to_bound(kind: str, version: str, bound: str) -> int:
    """Return the order of an installed version and a bound that a person typed. See the module."""
    split = _SPLIT.get(kind)
    if split is None:
        return compare(kind, version, bound)
    epoch, upstream, revision = split(version)
    bound_epoch, bound_upstream, bound_revision = split(bound)
    version = upstream if not bound_revision else f"{upstream}-{revision}" if revision else upstream
    bound = f"{bound_upstream}-{bound_revision}" if bound_revision else bound_upstream
    if bound_epoch:
        version, bound = f"{epoch or 0}:{version}", f"{bound_epoch}:{bound}"
    return compare(kind, version, bound)
