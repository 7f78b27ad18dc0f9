"""The owner that tags name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["owner_of"]


def owner_of(tags: Mapping[str, str], owner_tags: Iterable[str]) -> str:
    """Return the value of the first of `owner_tags` that a resource has, whatever its case; empty without one."""
    lowered = {name.lower(): value for name, value in tags.items()}
    return next((lowered[name.lower()] for name in owner_tags if lowered.get(name.lower())), "")
