"""Reads the resources that events touched, and writes their changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from windlass.inventory.collection import Collection
from windlass.inventory.collector import Collector
from windlass.inventory.events.id_parameters import selection_of
from windlass.inventory.events.model import Touch
from windlass.inventory.events.read_writer import ReadOutcome, write_read
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.model import Scope, ScopeResult
from windlass.inventory.selection import Selection
from windlass.inventory.tables import resource
from windlass.inventory.writer import ChangeCounts
from windlass.store.engine import Store

__all__ = ["Refresh", "RefreshResult", "open_refresh", "unknown_buckets"]


@dataclass(slots=True)
class RefreshResult:
    """The result of a refresh. `failures` are errors by scope; events are given by their ids."""

    reads: int = 0
    counts: ChangeCounts = field(default_factory=ChangeCounts)
    unconfirmed: frozenset[str] = frozenset()
    invisible: frozenset[str] = frozenset()
    visible: frozenset[str] = frozenset()
    failures: dict[Scope, str] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()

    def add(self, outcome: ReadOutcome) -> None:
        """Add one scope's outcome."""
        counts = outcome.counts
        self.counts = ChangeCounts(
            self.counts.created + counts.created,
            self.counts.updated + counts.updated,
            self.counts.deleted + counts.deleted,
        )
        self.unconfirmed |= outcome.unconfirmed
        self.invisible |= outcome.invisible
        self.visible |= outcome.visible

    def end(self) -> RefreshResult:
        """Return the result; creations that no scope shows are unconfirmed."""
        self.unconfirmed |= self.invisible - self.visible
        return self


@dataclass(frozen=True, slots=True)
class Refresh:
    """Reads each touched resource once, however many events touched it."""

    store: Store
    index: TypeIndex
    collector: Callable[[], Collector]

    def refresh(self, touches: Sequence[Touch], *, buckets: Sequence[Touch] = ()) -> RefreshResult:
        """Read each touched resource once and write its changes: one transaction per scope.

        `buckets` are touched by events on their objects: those in the store are not read. Touches of accounts and
        types that are not collected are left out.
        """
        touches = [*touches, *unknown_buckets(self.store, buckets)]
        by_scope: defaultdict[Scope, list[Touch]] = defaultdict(list)
        for touch in touches:
            by_scope[touch.scope].append(touch)
        result = RefreshResult(reads=len({(touch.scope, touch.names) for touch in touches}))
        collector = self.collector()
        accounts = {str(account.id) for account in collector.caller.accounts()}
        known = {
            scope: each
            for scope, each in by_scope.items()
            if scope.type in collector.types and scope.account_id in accounts
        }

        def write(read: ScopeResult) -> None:
            of_scope = known[read.scope]
            if read.state.complete:
                result.add(write_read(self.store, read, of_scope))
            else:
                result.failures[read.scope] = f"{read.error_code}: {read.error}"
                result.failed |= {touch.event.event_id for touch in of_scope}

        if known:
            replace(collector, selections=_selections(known)).run(tuple(known), sink=write)
        return result.end()


def open_refresh(collection: Collection, *, concurrency: int) -> Refresh:
    """Return the refresh of a collection's store. The first read opens the estate."""
    types = collection.types
    kinds = tuple(kind for kind in types.collected if not kind.automatic)

    def collector() -> Collector:
        base = collection.collector(types.by_name_of(kinds), read_measures=False)
        return replace(base, concurrency=concurrency, read_times=lambda _: {})

    return Refresh(collection.store, TypeIndex.of(kinds), collector)


def _selections(by_scope: Mapping[Scope, Sequence[Touch]]) -> dict[Scope, Selection]:
    """Return what to read of each scope; a scope with a touch that names no resource is read as a whole."""
    return {
        scope: selection_of(scope.type, (name for touch in touches for name in touch.names))
        for scope, touches in by_scope.items()
        if all(touch.names for touch in touches)
    }


def unknown_buckets(store: Store, touches: Iterable[Touch]) -> tuple[Touch, ...]:
    """Return those of the touches on buckets (one event per object) whose bucket the store does not have, each once."""
    by_name = {name: touch for touch in touches for name in touch.names}
    if not by_name:
        return ()

    def known(connection: Connection) -> set[str]:
        statement = select(resource.c.resource_id).where(
            resource.c.type == "s3.bucket", resource.c.deleted_at.is_(None), resource.c.resource_id.in_(list(by_name))
        )
        return set(connection.execute(statement).scalars())

    existing = store.fetch(known)
    return tuple(touch for name, touch in by_name.items() if name not in existing)
