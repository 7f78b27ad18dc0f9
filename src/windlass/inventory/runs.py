"""Collection runs in the store: begun, resumed, finished, listed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, insert, select, update

from windlass.core.clock import format_time, parse_time
from windlass.core.ids import new_id
from windlass.inventory import run_workers, scope_queue
from windlass.inventory.model import Run, Scope
from windlass.inventory.run_workers import COUNTS
from windlass.inventory.scope_result import INTERRUPTED
from windlass.inventory.tables import run, scope
from windlass.store.engine import Store

__all__ = [
    "begin_run",
    "find_run",
    "finish_run",
    "finished_scopes",
    "finished_scopes_of",
    "last_durations_s",
    "list_runs",
    "refresh_run",
]


def begin_run(store: Store, *, now: datetime, scopes_total: int, job_id: str = "", run_id: str = "") -> str:
    """Begin a run and return its id. The run `run_id`, else the job's run, is continued; without one a new run begins."""
    new_run_id = new_id("run", now)

    def begin(connection: Connection) -> str:
        resumed_id = run_id or (_run_of_job(connection, job_id) if job_id else "")
        if resumed_id:
            resumed = update(run).where(run.c.run_id == resumed_id)
            connection.execute(resumed.values(status="running", finished_at=None, scopes_total=scopes_total))
            return resumed_id
        connection.execute(
            insert(run).values(
                run_id=new_run_id,
                started_at=format_time(now),
                status="running",
                scopes_total=scopes_total,
                job_id=job_id,
                **dict.fromkeys(COUNTS, 0),
            )
        )
        return new_run_id

    return store.transact(begin)


def _run_of_job(connection: Connection, job_id: str) -> str:
    return connection.execute(select(run.c.run_id).where(run.c.job_id == job_id).limit(1)).scalar() or ""


def finish_run(store: Store, run_id: str, *, status: str, now: datetime) -> None:
    """Record how the run ended. Its queue is closed, so that workers that have not noticed write nothing more.

    A run that ends as `done` becomes `partial` when any worker could not read some of its scopes.
    """

    def finish(connection: Connection) -> None:
        # A write locks its lease, then the queue. The second call is for workers that joined before the queue was closed.
        run_workers.end_leases(connection, run_id)
        scope_queue.close_queue(connection, run_id)
        run_workers.end_leases(connection, run_id)
        run_workers.end_all(connection, run_id, now=now)
        run_workers.sum_counts(connection, run_id)
        ended = update(run).where(run.c.run_id == run_id)
        written = status if status != "done" else case((run.c.errors > 0, "partial"), else_="done")
        connection.execute(ended.values(status=written, finished_at=format_time(now)))

    store.transact(finish)


def refresh_run(store: Store, run_id: str) -> tuple[Run, int]:
    """Update the run's counts from those of all its workers. Return the run, and how many work on it now."""

    def refresh(connection: Connection) -> tuple[Run, int]:
        run_workers.sum_counts(connection, run_id)
        refreshed = find_run(connection, run_id)
        assert refreshed is not None
        return refreshed, run_workers.count_working(connection, run_id)

    return store.transact(refresh)


def finished_scopes(store: Store, run_id: str) -> frozenset[Scope]:
    """Return the scopes that this run has finished, successfully or not. Scopes that a stop cut short are not included."""
    return store.fetch(lambda connection: finished_scopes_of(connection, run_id))


def finished_scopes_of(connection: Connection, run_id: str) -> frozenset[Scope]:
    """Return the finished scopes, in the caller's transaction."""
    finished = select(scope.c.account_id, scope.c.region, scope.c.type).where(
        scope.c.run_id == run_id, scope.c.error_code != INTERRUPTED
    )
    return frozenset(Scope(*row) for row in connection.execute(finished))


def last_durations_s(store: Store) -> dict[Scope, float]:
    """Return how many seconds the last scan of each scope took."""
    durations = select(scope.c.account_id, scope.c.region, scope.c.type, scope.c.duration_s)
    return store.fetch(
        lambda connection: {Scope(row[0], row[1], row[2]): row[3] for row in connection.execute(durations)}
    )


def list_runs(connection: Connection, limit: int) -> tuple[Run, ...]:
    """Return the last runs, newest first."""
    statement = select(run).order_by(run.c.started_at.desc(), run.c.run_id.desc()).limit(limit)
    return tuple(_run(row) for row in connection.execute(statement))


def find_run(connection: Connection, run_id: str) -> Run | None:
    """Return the run, or None."""
    row = connection.execute(select(run).where(run.c.run_id == run_id)).first()
    return _run(row) if row else None


def _run(row: Any) -> Run:
    return Run(
        run_id=row.run_id,
        started_at=parse_time(row.started_at),
        finished_at=parse_time(row.finished_at) if row.finished_at else None,
        status=row.status,
        scopes_total=row.scopes_total,
        job_id=row.job_id,
        **{name: getattr(row, name) for name in COUNTS},
    )
