"""Which scopes a collection scans now: all except unsupported ones and empty ones that were scanned recently."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from sqlalchemy import Connection, func, select

from windlass.core.clock import parse_time
from windlass.inventory.automatic.backoff import EmptyState, next_scan_s
from windlass.inventory.automatic.empty_scopes import read_empty_scopes
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.model import Scope, ScopeState
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.tables import resource, scope
from windlass.store.engine import Store

__all__ = ["DueScopes"]

_BACKED_OFF = (ScopeState.OK, ScopeState.UNSUPPORTED)
"""States of a scope with a row in which it is scanned less often; every other state is scanned each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueScopes:
    """What the store knows at the start of a run. `empty` are the scopes without resources, `durations_s` all with a row."""

    types: TypeRegistry
    empty: Mapping[Scope, EmptyState]
    durations_s: Mapping[Scope, float]
    now_s: float
    refusal_s: float
    scans_all: bool
    present: Collection[Scope] = field(default_factory=frozenset)
    done_before: frozenset[Scope] = frozenset()  # scopes without a row that the continued run has scanned

    @classmethod
    def read(
        cls,
        store: Store,
        types: TypeRegistry,
        *,
        now_s: float,
        refusal_s: float,
        scans_all: bool,
        resumed_s: float | None = None,
    ) -> Self:
        """Read the state of every scope. With `scans_all`, every offered scope is due; `resumed_s` is a continued run's start."""
        with store.read() as connection:
            durations_s, empty = _with_rows(connection)
            without_row = read_empty_scopes(connection)
        empty.update(without_row)
        done = (
            () if resumed_s is None else (key for key, state in without_row.items() if state.scanned >= int(resumed_s))
        )
        return cls(
            types=types,
            empty=empty,
            durations_s=durations_s,
            now_s=now_s,
            refusal_s=refusal_s,
            scans_all=scans_all,
            done_before=frozenset(done),
        )

    @property
    def with_rows(self) -> Collection[Scope]:
        """The scopes that have a row of their own."""
        return self.durations_s.keys()

    def with_present(self, present: Collection[Scope]) -> DueScopes:
        """Return a copy in which the scopes `present`, where AWS Config knows a resource, are due."""
        return replace(self, present=present)

    def is_due(self, kind: ResourceType, scope: Scope) -> bool:
        """True when the scope is scanned now."""
        if not self.types.is_offered(kind, scope.region):
            return False
        state = self.empty.get(scope)
        if state is None or self.scans_all or scope in self.present or scope in self.done_before:
            return True
        return self.now_s >= next_scan_s(state, automatic=kind.automatic, refusal_s=self.refusal_s)


def _with_rows(connection: Connection) -> tuple[dict[Scope, float], dict[Scope, EmptyState]]:
    """Return the last duration of every scope with a row, and the states of those without resources."""
    durations_s: dict[Scope, float] = {}
    empty: dict[Scope, EmptyState] = {}
    emptied = _last_deletions(connection)
    columns = (scope.c.account_id, scope.c.region, scope.c.type, scope.c.duration_s)
    more = (scope.c.state, scope.c.resources, scope.c.scanned_at, scope.c.state_since, scope.c.error_code)
    for row in connection.execute(select(*columns, *more)):
        of = Scope(row.account_id, row.region, row.type)
        durations_s[of] = row.duration_s
        state = ScopeState(row.state)
        if row.resources == 0 and state in _BACKED_OFF and row.state_since:
            since = max(row.state_since, emptied.get(of, ""))
            empty[of] = EmptyState(
                state=state,
                since=int(parse_time(since).timestamp()),
                scanned=int(parse_time(row.scanned_at).timestamp()),
                error_code=row.error_code,
            )
    return durations_s, empty


def _last_deletions(connection: Connection) -> dict[Scope, str]:
    """Return when the last resource of each scope was deleted; a scope is empty since then at the earliest."""
    columns = (resource.c.account_id, resource.c.scope_region, resource.c.type)
    statement = (
        select(*columns, func.max(resource.c.deleted_at)).where(resource.c.deleted_at.is_not(None)).group_by(*columns)
    )
    return {Scope(row[0], row[1], row[2]): row[3] for row in connection.execute(statement)}
