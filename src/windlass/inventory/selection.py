"""Some resources of a scope, by the names that events use: what a scan reads when only they are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.core.arns import parse_arn
from windlass.inventory.paths import find
from windlass.inventory.resource_type import ResourceType

__all__ = ["Selection", "names_of"]

MAX_FILTERED = 50  # names in one filtered request; more are selected from the listing


@dataclass(frozen=True, slots=True)
class Selection:
    """The resources with one of `names`: an id, an ARN, or the name that people use.

    `parameter` is the parameter of the type's own listing that takes ids, and whether it takes a list; without one, the
    scope is listed, and only the details of the selected items are read.
    """

    names: frozenset[str]
    parameter: str = ""
    takes_list: bool = False

    def selects(self, kind: ResourceType, item: Mapping[str, Any]) -> bool:
        """True when the listed item is one of the selected resources."""
        return not self.names.isdisjoint(names_of(kind, item))

    def requests(self) -> list[dict[str, Any]] | None:
        """Return the parameters of each filtered request; None when the scope has to be listed."""
        if not self.parameter or not self.names or len(self.names) > MAX_FILTERED:
            return None
        names = sorted(self.names)
        return [{self.parameter: names}] if self.takes_list else [{self.parameter: name} for name in names]


def names_of(kind: ResourceType, item: Mapping[str, Any]) -> frozenset[str]:
    """Return every name that an event may have for a listed item."""
    names = set()
    for path in (kind.id, kind.arn if "{" not in kind.arn else "", kind.label):
        value = find(path, item) if path else None
        if isinstance(value, str) and value:
            parsed = parse_arn(value)
            names |= {value, value.removesuffix(":*")} | ({parsed.resource_id} if parsed else set())
            if kind.id_after and path == kind.id:
                names.add(value.rpartition(kind.id_after)[2])
    return frozenset(names)
