"""Which scopes a collection visits, and in which order. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
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


def select_types(catalog: Sequence[ResourceType], options: CollectOptions) -> tuple[ResourceType, ...]:
    """The wanted types. UsageError for a name that matches none."""
    for pattern in options.types:
        if not any(fnmatch.fnmatchcase(kind.name, pattern) for kind in catalog):
            close = nearest(pattern, [kind.name for kind in catalog])
            raise UsageError(
                f"{pattern!r} matches no resource type",
                hint=f"Did you mean {close!r}?" if close else "`windlass inventory types` lists them.",
            )
    wanted = options.types or ("*",)
    return tuple(
        kind
        for kind in catalog
        if any(fnmatch.fnmatchcase(kind.name, pattern) for pattern in wanted)
        and not any(fnmatch.fnmatchcase(kind.name, pattern) for pattern in options.exclude_types)
    )


def plan_scopes(
    types: Iterable[ResourceType],
    regions_by_account: Mapping[str, Sequence[str]],
    durations_s: Mapping[Scope, float] | None = None,
) -> tuple[Scope, ...]:
    """Every scope once: the longest of last time first, then round-robin over accounts, so that none waits for another."""
    listed = list(types)
    lanes: list[list[Scope]] = []
    for account_id, regions in regions_by_account.items():
        lane = [Scope(account_id, GLOBAL, kind.name) for kind in listed if kind.once_per_account]
        lane += [
            Scope(account_id, region, kind.name) for kind in listed if not kind.once_per_account for region in regions
        ]
        lane.sort(key=lambda scope: -(durations_s or {}).get(scope, 0.0))
        lanes.append(lane)
    longest = max((len(lane) for lane in lanes), default=0)
    return tuple(lane[at] for at in range(longest) for lane in lanes if at < len(lane))
