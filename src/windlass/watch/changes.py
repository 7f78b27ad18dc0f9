"""Which changes a rule on `change` watches for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from windlass.inventory.filters import matches, parse_query
from windlass.inventory.model import ChangeKind, Query, Resource
from windlass.inventory.rows import patch_summary
from windlass.watch.config import WatchConfig
from windlass.watch.model import Occurrence

__all__ = ["Change", "ChangeRule", "occurrence_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A revision as rules see it. The resource has its document after the change; a deleted one its last document."""

    resource: Resource
    kind: ChangeKind
    at: datetime
    patch: tuple[Mapping[str, Any], ...]
    actor: str
    event: str = ""


class ChangeRule:
    """A rule on `change`, with its conditions parsed. UsageError for one that is malformed."""

    def __init__(self, config: WatchConfig, *, now: datetime) -> None:
        self.config = config
        self._query = parse_query((), config.where, now=now)
        self._paths = [f"/{path.replace('.', '/')}" for path in config.paths]

    def watches(self, change: Change) -> bool:
        """True when the change satisfies every condition of the rule."""
        config = self.config
        return (
            (not config.kinds or change.kind in config.kinds)
            and (not config.actors or any(fnmatchcase(change.actor, pattern) for pattern in config.actors))
            and (not self._paths or self._touches(change.patch))
            and _is_selected(self._query, change.resource)
            and matches(self._query, change.resource)
        )

    def _touches(self, patch: Iterable[Mapping[str, Any]]) -> bool:
        changed = [str(operation["path"]) for operation in patch]
        # A member that appears or goes with its parent is changed, too.
        return any(
            path == wanted or path.startswith(f"{wanted}/") or wanted.startswith(f"{path}/")
            for path in changed
            for wanted in self._paths
        )


def occurrence_of(change: Change) -> Occurrence:
    """Return a change as what is told about it."""
    resource = change.resource
    name = resource.name or resource.resource_id
    summary = patch_summary(change.patch)
    who = f" by {change.actor}" if change.actor else ""
    return Occurrence(
        occurred_at=change.at,
        title=f"{resource.type} {name} was {change.kind}{who}{': ' + summary if summary else ''}",
        facts={
            "change": str(change.kind),
            "type": resource.type,
            "resource": resource.arn or resource.key,
            "name": name,
            "account_id": resource.account_id,
            "region": resource.region,
            "owner": resource.owner,
            "actor": change.actor,
            "event": change.event,
            "summary": summary,
        },
    )


def _is_selected(query: Query, resource: Resource) -> bool:
    return (
        _any_pattern(query.types, resource.type)
        and _any_pattern(query.account_ids, resource.account_id)
        and _any_pattern(query.regions, resource.region)
        and (not query.owner or (bool(resource.owner) if query.owner == "*" else resource.owner == query.owner))
        and not (query.ownerless and resource.owner)
    )


def _any_pattern(patterns: Sequence[str], value: str) -> bool:
    """As in the listing's filter, only a star at the end is a pattern."""
    return not patterns or any(
        value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern for pattern in patterns
    )
