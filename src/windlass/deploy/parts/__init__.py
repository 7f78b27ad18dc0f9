"""A stack's parts, one module a kind, listed here: how it is looked at, made, changed and deleted.

`look(call, part)` asks AWS and answers what is there, or None. `make`, `change` and `unmake` are pure and answer calls:
`change` is given whether the part was made by us; what others made is used as it is, or is a Conflict where it can't be.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from windlass.deploy.effects import Effect
from windlass.deploy.parts import event_rule, function, log_group, mapping, notification, queue, role, rule, table
from windlass.deploy.parts.calls import Ask
from windlass.deploy.stacks import Found, Part, PartKind

__all__ = ["KINDS", "PartModule"]


class PartModule(Protocol):
    """What a part's module has."""

    def look(self, call: Ask, part: Part) -> Found | None:
        """The resource as it is."""
        ...

    def make(self, part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
        """What makes it."""
        ...

    def change(self, part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
        """What makes it as it should be."""
        ...

    def unmake(self, part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
        """What takes it away, or from others' resources what is ours."""
        ...


KINDS: Mapping[PartKind, PartModule] = MappingProxyType(
    {
        PartKind.QUEUE: queue,
        PartKind.TABLE: table,
        PartKind.LOG_GROUP: log_group,
        PartKind.ROLE: role,
        PartKind.FUNCTION: function,
        PartKind.MAPPING: mapping,
        PartKind.RULE: rule,
        PartKind.EVENT_RULE: event_rule,
        PartKind.NOTIFICATION: notification,
    }
)
