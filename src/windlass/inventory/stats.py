"""Counts for the overview, and the states of scopes."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select

from windlass.core.clock import parse_time
from windlass.inventory.facets import facets
from windlass.inventory.model import Facet, Query, Scope, ScopeState, ScopeStatus, Stats
from windlass.inventory.tables import resource, revision, scope, scope_failure

__all__ = ["counts_by_type", "is_empty", "list_scopes", "run_scopes", "stats"]

_DAYS = 30


def stats(connection: Connection, now: datetime) -> Stats:
    """Return all counts of the overview."""
    by = facets(connection, Query(), ())
    services: dict[str, int] = {}
    for facet in by["type"]:
        service = facet.value.partition(".")[0]
        services[service] = services.get(service, 0) + facet.count
    states = connection.execute(
        select(scope.c.state, func.count()).group_by(scope.c.state).order_by(func.count().desc())
    )
    return Stats(
        resources=sum(facet.count for facet in by["type"]),
        revisions=connection.execute(select(func.count()).select_from(revision)).scalar_one(),
        types=len(by["type"]),
        by_type=by["type"],
        by_service=tuple(Facet(*item) for item in sorted(services.items(), key=lambda item: (-item[1], item[0]))),
        by_account=by["account"],
        by_region=by["region"],
        by_scope_state=tuple(Facet(*row) for row in states),
        changes_by_day=_changes_by_day(connection, now),
    )


def _changes_by_day(connection: Connection, now: datetime) -> tuple[tuple[str, int, int, int], ...]:
    first = (now - timedelta(days=_DAYS - 1)).date()
    days = [(first + timedelta(days=at)).isoformat() for at in range(_DAYS + 1)]
    kinds = ("created", "updated", "deleted")
    # One short index range per day: grouping a month by day would sort all of its rows.
    statement = select(*(func.sum(case((revision.c.change == kind, 1), else_=0)) for kind in kinds)).where(
        revision.c.valid_from >= bindparam("start"), revision.c.valid_from < bindparam("end")
    )
    counted = []
    for start, end in pairwise(days):
        numbers = connection.execute(statement, {"start": start, "end": end}).one()
        counted.append((start, int(numbers[0] or 0), int(numbers[1] or 0), int(numbers[2] or 0)))
    return tuple(counted)


def is_empty(connection: Connection) -> bool:
    """True when no scope was ever scanned and no resource ever stored."""
    return all(connection.execute(select(table.c.account_id).limit(1)).first() is None for table in (scope, resource))


def counts_by_type(connection: Connection) -> dict[str, int]:
    """Return the number of existing resources by type."""
    return {facet.value: facet.count for facet in facets(connection, Query(), ())["type"]}


def list_scopes(connection: Connection, state: ScopeState | None = None) -> tuple[ScopeStatus, ...]:
    """Return the last scan of every scope, failed ones first."""
    statement = select(scope).order_by(scope.c.account_id, scope.c.region, scope.c.type)
    if state:
        statement = statement.where(scope.c.state == str(state))
    statuses = [_status(row) for row in connection.execute(statement)]
    return tuple(sorted(statuses, key=lambda status: (status.state.complete, status.state is ScopeState.UNSUPPORTED)))


def run_scopes(connection: Connection, run_id: str) -> tuple[ScopeStatus, ...]:
    """Return the scopes that a run scanned: all of the latest run, those that failed of earlier ones."""
    statuses = [_status(row) for row in connection.execute(select(scope).where(scope.c.run_id == run_id))]
    if not statuses:  # a later run has scanned them: only the failures of this one are kept
        rows = connection.execute(select(scope_failure).where(scope_failure.c.run_id == run_id))
        statuses = [_status(row) for row in rows]
    return tuple(
        sorted(
            statuses,
            key=lambda status: (
                status.state.complete,
                status.state is ScopeState.UNSUPPORTED,
                status.scope.account_id,
            ),
        )
    )


def _status(row: Any) -> ScopeStatus:
    good, since = getattr(row, "last_good_at", None), getattr(row, "state_since", None)
    return ScopeStatus(
        scope=Scope(row.account_id, row.region, row.type),
        state=ScopeState(row.state),
        error_code=row.error_code,
        error=row.error,
        resources=row.resources,
        calls=row.calls,
        duration_s=row.duration_s,
        scanned_at=parse_time(row.scanned_at),
        last_good_at=parse_time(good) if good else None,
        run_id=row.run_id,
        state_since=parse_time(since) if since else None,
        details_unknown=row.details_unknown,
    )
