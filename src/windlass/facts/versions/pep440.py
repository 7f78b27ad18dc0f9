"""Versions of Python packages, in the order of PEP 440, by the `packaging` library."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from windlass.facts.versions.generic import compare_generic

__all__ = ["compare_pep440"]


def compare_pep440(left: str, right: str) -> int:
    """Return the order of two versions; by the generic rule when one of them is not a version of PEP 440."""
    try:
        ours, theirs = Version(left), Version(right)
    except InvalidVersion:
        return compare_generic(left, right)
    return (ours > theirs) - (ours < theirs)
