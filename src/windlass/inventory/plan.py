"""The scopes of a collection, in their order. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from windlass.core.errors import UsageError
from windlass.core.suggest import nearest
from windlass.inventory.model import GLOBAL, Scope
from windlass.inventory.resource_type import ResourceType

__all__ = ["CollectOptions", "plan_scopes", "select_types"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """What to collect; empty means all. Types may end in `*`."""

    types: tuple[str, ...] = ()
    exclude_types: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    full: bool = False  # the scopes, too, that are empty or refused and not due yet


def select_types(catalog: Sequence[ResourceType], options: CollectOptions) -> tuple[ResourceType, ...]:
    """Return the selected types. UsageError for a pattern that matches none."""
    for pattern in options.types:
        if not any(fnmatch.fnmatchcase(kind.name, pattern) for kind in catalog):
            close = nearest(pattern, [kind.name for kind in catalog])
            raise UsageError(
                f"{pattern!r} matches no resource type",
                hint=f"Did you mean {close!r}?" if close else "`windlass inventory types` lists them.",
            )
    patterns = options.types or ("*",)
    return tuple(
        kind
        for kind in catalog
        if any(fnmatch.fnmatchcase(kind.name, pattern) for pattern in patterns)
        and not any(fnmatch.fnmatchcase(kind.name, pattern) for pattern in options.exclude_types)
    )


def plan_scopes(
    types: Iterable[ResourceType],
    regions_by_account: Mapping[str, Sequence[str]],
    durations_s: Mapping[Scope, float] | None = None,
    *,
    is_due: Callable[[ResourceType, Scope], bool] = lambda *_: True,
) -> tuple[Scope, ...]:
    """Return every scope that is due once: per account the slowest of the last run first, then round-robin over the accounts.

    Automatic types come after the curated ones, those with a parent last: their parents are listed by then.
    """
    groups: list[list[ResourceType]] = [[], [], []]
    for kind in types:
        groups[(1 + (kind.parent is not None)) if kind.automatic else 0].append(kind)
    scopes_by_account: list[list[Scope]] = []
    for account_id, regions in regions_by_account.items():
        scopes: list[Scope] = []
        for group in groups:
            members = [
                scope
                for kind in group
                for region in ([GLOBAL] if kind.once_per_account else regions)
                if is_due(kind, scope := Scope(account_id, region, kind.name))
            ]
            members.sort(key=lambda scope: -(durations_s or {}).get(scope, 0.0))
            scopes += members
        scopes_by_account.append(scopes)
    longest = max((len(scopes) for scopes in scopes_by_account), default=0)
    return tuple(scopes[index] for index in range(longest) for scopes in scopes_by_account if index < len(scopes))
