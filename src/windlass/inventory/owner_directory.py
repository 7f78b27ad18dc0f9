"""The owners of an estate, for the command line, the API, the console and other capabilities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from windlass.core import clock
from windlass.core.clock import parse_time
from windlass.core.errors import UsageError
from windlass.inventory.change_feed import FeedEntry, Observer, process_feed
from windlass.inventory.model import Resource
from windlass.inventory.owner_rows import (
    count_owners,
    owned_resource,
    owners_known_since,
    owners_of,
    refresh_owners,
    write_new_owners,
)
from windlass.inventory.resources import find_resource
from windlass.owners.model import NOBODY, Ownership
from windlass.owners.rules import OwnerRules
from windlass.store.engine import Store

__all__ = ["Explanation", "OwnerCount", "OwnerDirectory"]


@dataclass(frozen=True, slots=True)
class OwnerCount:
    """An owner (empty: nobody) with the number of resources, by the source that names the owner."""

    owner: str
    resources: int
    sources: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A resource's owner, and what every source says, in the order of precedence: the first decides."""

    resource: Resource
    ownership: Ownership
    candidates: tuple[Ownership, ...]


class OwnerDirectory:
    """Owners by one set of rules. `observers` get the new revisions together with the owners, in one transaction.

    `rules` are read on the first use, so that a mistake in their file is reported by what needs owners.
    """

    def __init__(
        self,
        store: Store,
        rules: Callable[[], OwnerRules] = OwnerRules,
        *,
        observers: Callable[[], Sequence[Observer]] = tuple,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store, self._rules, self._observers, self._now = store, rules, observers, now

    def refresh(self) -> None:
        """Write the owners of what changed since the last call, or of everything when the rules changed."""
        rules = self._rules()
        refresh_owners(self._store, rules, now=self._now())
        process_feed(self._store, (partial(_write, rules), *self._observers()))

    def check_time(self, at: datetime) -> None:
        """Raise UsageError for a time before which owners were not recorded: `nobody` would not be true."""
        with self._store.read() as connection:
            since = owners_known_since(connection)
        if since and at < parse_time(since):
            raise UsageError(
                f"owners are known since {parse_time(since):%Y-%m-%d %H:%M}Z",
                hint="Filter by a tag instead, such as -w tag:team=web: tags are known for all times.",
            )

    def counts(self) -> tuple[OwnerCount, ...]:
        """Return the owners with their resources, the largest first, and what nobody owns last."""
        self.refresh()
        with self._store.read() as connection:
            rows = count_owners(connection)
        sources: dict[str, dict[str, int]] = defaultdict(dict)
        for owner, source, number in rows:
            sources[owner][source] = number
        counts = [OwnerCount(owner, sum(by.values()), by if owner else {}) for owner, by in sources.items()]
        return tuple(sorted(counts, key=lambda count: (not count.owner, -count.resources, count.owner)))

    def explain(self, ref: str) -> Explanation:
        """Return who owns the resource that `ref` names, and why. NotFound; UsageError when ambiguous."""
        self.refresh()
        with self._store.read() as connection:
            resource = find_resource(connection, ref)
            candidates = tuple(self._rules().candidates(owned_resource(connection, resource.id)))
        return Explanation(resource, candidates[0] if candidates else NOBODY, candidates)

    def owner_by_tags(self, tags: Mapping[str, str]) -> str:
        """Return the owner that tags alone name; empty without one."""
        return self._rules().owner_by_tags(tags)

    def owners_of(self, row_ids: Sequence[int]) -> dict[int, str]:
        """Return the owners of resources, by their row ids; those without one are left out."""
        with self._store.read() as connection:
            return owners_of(connection, row_ids)


def _write(rules: OwnerRules, connection: Connection, entries: Sequence[FeedEntry]) -> None:
    write_new_owners(connection, rules, entries)
