"""The content of an event: the resources that it touched, or the reason why it touched none."""

from __future__ import annotations

from dataclasses import dataclass, field

from windlass.inventory.model import ChangeEvent, Scope

__all__ = ["Parsed", "Touch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A resource that an event changed, created or deleted; without `names`, some resource of the scope.

    `names` are ids, ARNs or names of the one resource. An event without a caller (Config, a state change) has an empty actor.
    """

    scope: Scope
    names: frozenset[str]
    event: ChangeEvent
    deletes: bool = False
    creates: bool = False
    is_mention: bool = False  # the operation changes another resource, and only names this one


@dataclass(frozen=True, slots=True)
class Parsed:
    """A message's touches. `ignored` counts events that change nothing we collect; `unrecognised` has the rest, with reasons."""

    touches: tuple[Touch, ...] = ()
    ignored: int = 0
    unrecognised: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = field(default=())  # (bucket, key) of files that AWS delivered
    buckets: tuple[Touch, ...] = ()  # buckets in which an object changed: of interest only when they are unknown
