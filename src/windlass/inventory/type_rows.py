"""The resource types as rows: what is collected, by which call, and how many there are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from windlass.inventory.model import TypeRow
from windlass.inventory.resource_type import ResourceType

__all__ = ["type_rows"]


def type_rows(
    kinds: Iterable[ResourceType], counts: Mapping[str, int], iam_actions: Callable[[str, str], tuple[str, ...]]
) -> tuple[TypeRow, ...]:
    """Return a row per type; `counts` are the numbers of resources by type."""
    return tuple(
        TypeRow(
            kind.name,
            kind.service,
            kind.title,
            "account" if kind.once_per_account else "region",
            len(kind.details),
            counts.get(kind.name, 0),
            "automatic" if kind.automatic else "curated",
            kind.operation,
            iam_actions(kind.service, kind.operation),
            1 + (kind.parent is not None) + len(kind.details),
        )
        for kind in kinds
    )
