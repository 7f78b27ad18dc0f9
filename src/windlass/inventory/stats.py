"""Counts for the overview, scopes and runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from windlass.core.clock import parse_time
from windlass.inventory.model import Facet, Run, Scope, ScopeState, ScopeStatus, Stats
from windlass.inventory.tables import resource, revision, run, scope, scope_trouble

__all__ = ["counts_by_type", "get_run", "is_empty", "list_runs", "list_scopes", "run_scopes", "stats"]

_DAYS = 30


def stats(connection: Connection, now: datetime) -> Stats:
    """All counts at once."""
    living = resource.c.deleted_at.is_(None)
    by: dict[str, tuple[Facet, ...]] = {}
    for name, column in (("type", resource.c.type), ("account", resource.c.account_id), ("region", resource.c.region)):
        rows = connection.execute(
            select(column, func.count()).where(living).group_by(column).order_by(func.count().desc(), column)
        )
        by[name] = tuple(Facet(*row) for row in rows)
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
        by_service=tuple(Facet(*one) for one in sorted(services.items(), key=lambda one: (-one[1], one[0]))),
        by_account=by["account"],
        by_region=by["region"],
        by_scope_state=tuple(Facet(*row) for row in states),
        changes_by_day=_changes_by_day(connection, now),
    )


def _changes_by_day(connection: Connection, now: datetime) -> tuple[tuple[str, int, int, int], ...]:
    first = (now - timedelta(days=_DAYS - 1)).date()
    day = func.substr(revision.c.valid_from, 1, 10)
    rows = connection.execute(
        select(day.label("day"), revision.c.change, func.count().label("number"))
        .where(revision.c.valid_from >= first.isoformat())
        .group_by(day, revision.c.change)
    )
    found = {(row.day, row.change): row.number for row in rows}
    days = [(first + timedelta(days=at)).isoformat() for at in range(_DAYS)]
    return tuple(
        (one, found.get((one, "created"), 0), found.get((one, "updated"), 0), found.get((one, "deleted"), 0))
        for one in days
    )


def is_empty(connection: Connection) -> bool:
    """Whether no scope was ever visited and no resource ever stored."""
    return all(connection.execute(select(table.c.account_id).limit(1)).first() is None for table in (scope, resource))


def counts_by_type(connection: Connection) -> dict[str, int]:
    """Living resources by type."""
    statement = select(resource.c.type, func.count()).where(resource.c.deleted_at.is_(None)).group_by(resource.c.type)
    return {row[0]: row[1] for row in connection.execute(statement)}


def list_runs(connection: Connection, limit: int) -> tuple[Run, ...]:
    """Newest first."""
    statement = select(run).order_by(run.c.started_at.desc(), run.c.run_id.desc()).limit(limit)
    return tuple(_run(row) for row in connection.execute(statement))


def get_run(connection: Connection, run_id: str) -> Run | None:
    """The run, or None."""
    row = connection.execute(select(run).where(run.c.run_id == run_id)).first()
    return _run(row) if row else None


def _run(row: Any) -> Run:
    counts = {
        name: getattr(row, name)
        for name in ("scopes_total", "scopes_done", "resources", "created", "updated", "deleted", "calls", "errors")
    }
    return Run(
        run_id=row.run_id,
        started_at=parse_time(row.started_at),
        finished_at=parse_time(row.finished_at) if row.finished_at else None,
        status=row.status,
        job_id=row.job_id,
        **counts,
    )


def list_scopes(connection: Connection, state: ScopeState | None = None) -> tuple[ScopeStatus, ...]:
    """Every scope's last visit, those with trouble first."""
    statement = select(scope).order_by(scope.c.account_id, scope.c.region, scope.c.type)
    if state:
        statement = statement.where(scope.c.state == str(state))
    found = [_status(row) for row in connection.execute(statement)]
    return tuple(sorted(found, key=lambda one: (one.state.complete, one.state is ScopeState.UNSUPPORTED)))


def run_scopes(connection: Connection, run_id: str) -> tuple[ScopeStatus, ...]:
    """The scopes a run visited: all of the latest one, of earlier ones those that had trouble."""
    latest = [_status(row) for row in connection.execute(select(scope).where(scope.c.run_id == run_id))]
    if not latest:
        rows = connection.execute(select(scope_trouble).where(scope_trouble.c.run_id == run_id))
        latest = [_status(row) for row in rows]
    return tuple(
        sorted(latest, key=lambda one: (one.state.complete, one.state is ScopeState.UNSUPPORTED, one.scope.account_id))
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
        visited_at=parse_time(row.visited_at),
        last_good_at=parse_time(good) if good else None,
        run_id=row.run_id,
        state_since=parse_time(since) if since else None,
        details_unknown=row.details_unknown,
    )
