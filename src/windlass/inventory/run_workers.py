"""The processes that share a run, one row each: what they did, and whether they still work.

Each process updates its own row, in the transaction of the scope that it writes, so that processes never wait for a
common row of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, String, Table, func, insert, select, update

from windlass.core.clock import format_time, parse_time
from windlass.inventory.scope_queue import scope_batch
from windlass.inventory.tables import run
from windlass.store.leases.table import delete_leases
from windlass.store.metadata import Time, metadata

__all__ = [
    "COUNTS",
    "RunWorker",
    "add_worker",
    "count_working",
    "end_all",
    "end_leases",
    "end_worker",
    "find_working",
    "list_workers",
    "run_worker",
    "sum_counts",
    "worker_lease",
]

COUNTS = ("scopes_done", "resources", "created", "updated", "deleted", "calls", "errors")

run_worker = Table(
    "run_worker",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("worker", String(40), primary_key=True),
    Column("host", String(64)),
    Column("state", String(8)),
    Column("is_leased", Boolean),
    Column("started_at", Time),
    Column("finished_at", Time),
    *(Column(name, BigInteger) for name in COUNTS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWorker:
    """A process in a run. `state`: `working`, `left` (it ended normally), `lost` (killed, or cut off)."""

    run_id: str
    worker: str
    host: str  # `web-1 (pid 4711)`
    state: str
    started_at: datetime
    finished_at: datetime | None
    batches: int = 0  # claimed now
    scopes_done: int = 0
    resources: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    calls: int = 0
    errors: int = 0


def worker_lease(worker: str) -> str:
    """Return the name of the lease that a worker holds while it is in a run."""
    return f"inventory.worker/{worker}"


def add_worker(connection: Connection, run_id: str, worker: str, *, host: str, is_leased: bool, now: datetime) -> None:
    """Add a process to a run. `is_leased`: it holds its own lease, by which others see whether it lives."""
    rejoin = update(run_worker).where(*_key(run_id, worker)).values(state="working", finished_at=None)
    if connection.execute(rejoin).rowcount == 0:
        connection.execute(
            insert(run_worker).values(
                run_id=run_id,
                worker=worker,
                host=host[:64],
                state="working",
                is_leased=is_leased,
                started_at=format_time(now),
                **dict.fromkeys(COUNTS, 0),
            )
        )


def end_worker(connection: Connection, run_id: str, worker: str, *, state: str, now: datetime) -> None:
    """Record that a process stopped working on the run: `left` or `lost`."""
    ended = update(run_worker).where(*_key(run_id, worker), run_worker.c.state == "working")
    connection.execute(ended.values(state=state, finished_at=format_time(now)))


def count_working(connection: Connection, run_id: str) -> int:
    """Return how many processes work on the run."""
    of_run = (run_worker.c.run_id == run_id, run_worker.c.state == "working")
    return connection.execute(select(func.count()).select_from(run_worker).where(*of_run)).scalar_one()


def find_working(connection: Connection, run_id: str, *, is_leased: bool) -> tuple[str, ...]:
    """Return the processes that work on the run, and hold their own lease or not."""
    of_run = (run_worker.c.run_id == run_id, run_worker.c.state == "working", run_worker.c.is_leased == is_leased)
    return tuple(connection.execute(select(run_worker.c.worker).where(*of_run)).scalars())


def end_leases(connection: Connection, run_id: str) -> None:
    """End the leases of the run's workers, after their current writes. They write nothing more, even if the run is resumed."""
    delete_leases(connection, [worker_lease(worker) for worker in find_working(connection, run_id, is_leased=True)])


def end_all(connection: Connection, run_id: str, *, now: datetime) -> None:
    """Record that every process has left the run."""
    ended = update(run_worker).where(run_worker.c.run_id == run_id, run_worker.c.state == "working")
    connection.execute(ended.values(state="left", finished_at=format_time(now)))


def sum_counts(connection: Connection, run_id: str) -> None:
    """Write the sums over all processes into the run's row."""
    of_run = run_worker.c.run_id == run_id
    sums = connection.execute(select(*(func.sum(run_worker.c[name]) for name in COUNTS)).where(of_run)).one()
    if sums[0] is not None:
        values = {name: int(total) for name, total in zip(COUNTS, sums, strict=True)}
        connection.execute(update(run).where(run.c.run_id == run_id).values(values))


def list_workers(connection: Connection, run_id: str) -> tuple[RunWorker, ...]:
    """Return the processes of a run, in the order in which they joined."""
    held = (
        select(scope_batch.c.worker, func.count().label("batches"))
        .where(scope_batch.c.run_id == run_id)
        .group_by(scope_batch.c.worker)
    )
    batches = {row.worker: row.batches for row in connection.execute(held)}
    rows = (
        select(run_worker).where(run_worker.c.run_id == run_id).order_by(run_worker.c.started_at, run_worker.c.worker)
    )
    return tuple(_worker(row, batches.get(row.worker, 0)) for row in connection.execute(rows))


def _key(run_id: str, worker: str) -> tuple[Any, Any]:
    return (run_worker.c.run_id == run_id, run_worker.c.worker == worker)


def _worker(row: Any, batches: int) -> RunWorker:
    return RunWorker(
        run_id=row.run_id,
        worker=row.worker,
        host=row.host,
        state=row.state,
        started_at=parse_time(row.started_at),
        finished_at=parse_time(row.finished_at) if row.finished_at else None,
        batches=batches,
        **{name: getattr(row, name) for name in COUNTS},
    )
