"""Scopes of automatic types without resources: their states, in one row per account and region, written in batches.

An estate has millions of them. A scope leaves this table for good when its first resource is written.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from windlass.core.clock import parse_time
from windlass.inventory.automatic.backoff import EmptyState
from windlass.inventory.model import Scope, ScopeResult, ScopeState, ScopeStatus
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.run_workers import run_worker
from windlass.inventory.scope_scan import UNANSWERED
from windlass.inventory.tables import empty_scope, run
from windlass.store.engine import Store

__all__ = ["EmptyScopeWriter", "empty_statuses", "is_empty_result", "read_empty_scopes", "scanned_empty_scopes"]

_BATCH = 2_000  # results in memory between two transactions
_FLUSH_S = 5.0  # at most this old: scopes that a killed process loses are scanned again

_EmptyStates = dict[str, EmptyState]


def read_empty_scopes(connection: Connection) -> dict[Scope, EmptyState]:
    """Return every scope without resources and its state."""
    return {
        Scope(row.account_id, row.region, type_): state
        for row in connection.execute(select(empty_scope))
        for type_, state in _decode(row.states).items()
    }


def scanned_empty_scopes(
    connection: Connection, run_id: str, among: Collection[Scope] | None = None
) -> frozenset[Scope]:
    """Return the scopes without resources that were scanned since the run began; those of `among`, or all."""
    started_at = connection.execute(select(run.c.started_at).where(run.c.run_id == run_id)).scalar()
    if started_at is None:
        return frozenset()
    started_s = int(parse_time(started_at).timestamp())
    statement = select(empty_scope)
    if among is not None:
        regions = {scope.region for scope in among}
        account_ids = {scope.account_id for scope in among}
        statement = statement.where(empty_scope.c.account_id.in_(account_ids), empty_scope.c.region.in_(regions))
    scanned = {
        Scope(row.account_id, row.region, type_)
        for row in connection.execute(statement)
        for type_, state in _decode(row.states).items()
        if state.scanned >= started_s
    }
    return frozenset(scanned if among is None else scanned.intersection(among))


def empty_statuses(scopes: Mapping[Scope, EmptyState]) -> Iterator[ScopeStatus]:
    """Yield the states of scopes without resources as those of scopes that have a row."""
    for scope, state in scopes.items():
        scanned_at = datetime.fromtimestamp(state.scanned, UTC)
        yield ScopeStatus(
            scope=scope,
            state=state.state,
            error_code=state.error_code,
            error=state.error,
            resources=0,
            calls=0,
            duration_s=0.0,
            scanned_at=scanned_at,
            last_good_at=scanned_at if state.state.complete else None,
            run_id="",
            state_since=datetime.fromtimestamp(state.since, UTC),
        )


def is_empty_result(kind: ResourceType, result: ScopeResult) -> bool:
    """True when an automatic type has no resources in the scope or cannot be listed there."""
    if not kind.automatic:
        return False
    if result.state is ScopeState.TIMEOUT:  # an endpoint may have no address where the service is not offered
        return result.error_code in UNANSWERED
    empty = result.state is ScopeState.OK and not result.observations
    return empty or result.state in (ScopeState.UNSUPPORTED, ScopeState.DENIED)


class EmptyScopeWriter:
    """The empty results of one run. Thread-safe; `flush` writes the rest.

    `with_rows` are the scopes with a row of their own, because they had resources: they are not taken. Counts are added
    to those of the run's `worker`, or to the run's own when it has none.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        types: Mapping[str, ResourceType],
        with_rows: Collection[Scope],
        *,
        worker: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run_id, self.worker = run_id, worker
        self.flushes = 0  # completed: results taken before the last one are in the store
        self._store, self._types, self._with_rows = store, types, with_rows
        self._clock = clock
        self._lock = threading.Lock()
        self._results: list[ScopeResult] = []
        self._filled: set[Scope] = set()
        self._flushed_at_s = clock()

    def take(self, result: ScopeResult) -> bool:
        """Take a result that needs no row of its own. False: the caller writes it."""
        if result.scope in self._with_rows:
            return False
        kind = self._types.get(result.scope.type)
        if kind is None or not is_empty_result(kind, result):
            if kind is not None and kind.automatic:
                self._filled.add(result.scope)
            return False
        with self._lock:
            self._results.append(result)
            due = len(self._results) >= _BATCH or self._clock() - self._flushed_at_s >= _FLUSH_S
        if due:
            self.flush()
        return True

    @property
    def kept_back(self) -> int:
        """The number of results that are taken and not written."""
        return len(self._results)

    @property
    def is_written(self) -> bool:
        """True when nothing that was taken waits for the next flush."""
        return not self._results and not self._filled

    def flush(self) -> None:
        """Write what was taken since the last flush, in one transaction."""
        with self._lock:
            results, self._results = self._results, []
            filled, self._filled = self._filled, set()
            self._flushed_at_s = self._clock()
        if results or filled:
            self._store.transact(lambda connection: self._write(connection, results, filled))
            self.flushes += 1

    def _write(self, connection: Connection, results: list[ScopeResult], filled: set[Scope]) -> None:
        by_region: dict[tuple[str, str], list[ScopeResult]] = {}
        for result in results:
            by_region.setdefault((result.scope.account_id, result.scope.region), []).append(result)
        for scope in filled:
            by_region.setdefault((scope.account_id, scope.region), [])
        for (account_id, region), members in sorted(by_region.items()):
            key = (empty_scope.c.account_id == account_id, empty_scope.c.region == region)
            states = self._locked(connection, account_id, region)
            states.update({member.scope.type: _state(member, states.get(member.scope.type)) for member in members})
            for scope in filled:
                if (scope.account_id, scope.region) == (account_id, region):
                    states.pop(scope.type, None)
            connection.execute(update(empty_scope).where(*key).values(states=_encode(states)))
        table = run_worker if self.worker else run
        target = update(table).where(table.c.run_id == self.run_id)
        connection.execute(
            (target.where(run_worker.c.worker == self.worker) if self.worker else target).values(
                scopes_done=table.c.scopes_done + len(results),
                calls=table.c.calls + sum(result.calls for result in results),
            )
        )

    def _locked(self, connection: Connection, account_id: str, region: str) -> _EmptyStates:
        """Return the row's states, locked against other processes. A missing row is created."""
        insertion = self._store.upsert(empty_scope).values(account_id=account_id, region=region, states=_encode({}))
        connection.execute(insertion.on_conflict_do_nothing())
        statement = select(empty_scope.c.states).where(
            empty_scope.c.account_id == account_id, empty_scope.c.region == region
        )
        return _decode(connection.execute(statement.with_for_update()).scalar_one())


def _state(result: ScopeResult, before: EmptyState | None) -> EmptyState:
    scanned = int(result.finished_at.timestamp())
    return EmptyState(
        state=result.state,
        since=before.since if before is not None and before.state is result.state else scanned,
        scanned=scanned,
        error_code=result.error_code,
        error=result.error,
    )


def _encode(states: _EmptyStates) -> bytes:
    """Return the states as compressed JSON, each error once: {"types": {type: [state, since, scanned, error]}, "errors": […]}."""
    errors = sorted({(state.error_code, state.error) for state in states.values()})
    numbers = {error: number for number, error in enumerate(errors)}
    types = {
        name: [str(each.state), each.since, each.scanned, numbers[each.error_code, each.error]]
        for name, each in sorted(states.items())
    }
    return zlib.compress(json.dumps({"types": types, "errors": errors}, separators=(",", ":")).encode())


def _decode(data: bytes) -> _EmptyStates:
    document: dict[str, Any] = json.loads(zlib.decompress(data))
    errors = document["errors"]
    return {
        name: EmptyState(
            state=ScopeState(state), since=since, scanned=scanned, error_code=errors[error][0], error=errors[error][1]
        )
        for name, (state, since, scanned, error) in document["types"].items()
    }
