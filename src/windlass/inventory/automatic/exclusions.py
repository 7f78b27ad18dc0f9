"""Operations that make no automatic type, each with the reason. The list is data: exclusions.toml."""

from __future__ import annotations

import fnmatch
import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources

__all__ = ["Exclusion", "exclusion_of", "exclusions"]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Operations, as patterns `service:Operation`, that make no type, the exceptions among them, and why."""

    reason: str
    operations: tuple[str, ...]
    keep: tuple[str, ...] = ()

    def matches(self, name: str) -> bool:
        """True for an operation (`service:Operation`) that is excluded here."""
        return _matches(self.operations, name) and not _matches(self.keep, name)


@functools.cache
def exclusions() -> tuple[Exclusion, ...]:
    """Return all exclusions, in the order of the file."""
    text = resources.files(__package__).joinpath("exclusions.toml").read_text("utf-8")
    return tuple(
        Exclusion(entry["reason"], tuple(entry["operations"]), tuple(entry.get("keep", ())))
        for entry in tomllib.loads(text)["exclusion"]
    )


def exclusion_of(service: str, operation: str) -> Exclusion | None:
    """Return the first exclusion of the operation; None when it may make a type."""
    name = f"{service}:{operation}"
    return next((exclusion for exclusion in exclusions() if exclusion.matches(name)), None)


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return bool(patterns) and _expression(patterns).match(name) is not None


@functools.cache
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return one expression for all patterns: thousands of operations are compared with hundreds of them."""
    return re.compile("|".join(map(fnmatch.translate, patterns)))
