"""Pushes of another collector and their results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from windlass.inventory.model import Scope

__all__ = [
    "MAX_ITEMS",
    "MAX_NAME_LENGTH",
    "MAX_TYPE_LENGTH",
    "OWN_TYPES",
    "REGION_PATTERN",
    "SOURCE_PATTERN",
    "TYPE_PATTERN",
    "ItemOutcome",
    "ItemResult",
    "Push",
    "PushResult",
    "PushScope",
    "PushedItem",
]

MAX_ITEMS = 1000
"""Resources of one push: one transaction, which other writers wait for."""

# The scope's region in the store is `source:region`, in a column of 32 characters.
SOURCE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,15}$"
REGION_PATTERN = r"^([a-z0-9][a-z0-9_-]{0,14})?$"
TYPE_PATTERN = r"^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+$"
OWN_TYPES = "custom."
"""No service of AWS has this name: types that begin with it can be named before their first push."""
MAX_TYPE_LENGTH = 64
MAX_NAME_LENGTH = 512
"""Characters of an ID and of a name: with four bytes each they fit into an index of PostgreSQL (2,704 bytes)."""


class ItemOutcome(StrEnum):
    """What became of one pushed resource."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"  # the store has a later state
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushScope:
    """The part of the estate that a run of a collector lists completely."""

    source: str
    type: str
    account_id: str = ""
    region: str = ""

    def __post_init__(self) -> None:
        for pattern, value in ((SOURCE_PATTERN, self.source), (TYPE_PATTERN, self.type), (REGION_PATTERN, self.region)):
            if not re.fullmatch(pattern, value):
                raise ValueError(f"{value!r} does not match {pattern}")
        if len(self.type) > MAX_TYPE_LENGTH:
            raise ValueError(f"{self.type!r} is longer than {MAX_TYPE_LENGTH} characters")

    @property
    def stored(self) -> Scope:
        """The scope in the store. Its region has a colon, so that it is never one that a collection scans."""
        return Scope(self.account_id, f"{self.source}:{self.region}", self.type)

    @property
    def run_id(self) -> str:
        """The `run_id` of its revisions."""
        return f"push:{self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedItem:
    """One resource as a collector sends it. An ARN as `id` makes it the target of relations by that ARN."""

    id: str
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Resources of one scope. `observed_at` is when the run began to read; with `complete`, the run ends."""

    scope: PushScope
    observed_at: datetime
    items: tuple[PushedItem, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The outcome of one resource; `detail` says why it was refused."""

    id: str
    outcome: ItemOutcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PushResult:
    """The outcomes in the order of the push, and how many resources the completed run deleted.

    `completed` is false when the push did not complete its run, or when a later run was completed before.
    """

    items: tuple[ItemResult, ...]
    deleted: int = 0
    completed: bool = False

    def count(self, outcome: ItemOutcome) -> int:
        """Return the number of resources with an outcome."""
        return sum(item.outcome is outcome for item in self.items)
