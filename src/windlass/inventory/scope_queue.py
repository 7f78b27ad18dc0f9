"""The queue of an open run: its scopes in batches, which the processes that share the collection claim.

A batch is a row until all of its scopes are scanned. The row of `scope_queue` exists while the run may be worked on: a
worker's writes hold it (FOR KEY SHARE), so that closing the queue waits for them, and later writes are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Connection, Integer, String, Table, Text, delete, func, insert, select, update

from windlass.core.canonical import canonical_json
from windlass.core.errors import Conflict
from windlass.inventory.model import Scope
from windlass.store.metadata import metadata

__all__ = [
    "Batch",
    "QueueClosed",
    "ScopeQueue",
    "add_batches",
    "batches_left",
    "check_open",
    "claim_batches",
    "claimed_scopes",
    "close_queue",
    "delete_batches",
    "delete_batches_except",
    "find_queues",
    "open_queue",
    "release_batches",
    "split_batches",
]

_BATCHES = 4096  # per run, about: few enough rows, and claims large enough to be cheap
_MIN_SCOPES = 8
_MAX_SCOPES = 256
_BATCH_S = 2.0  # of work by the last durations: a long scope gets its own batch, so that no process gets several

scope_queue = Table(
    "scope_queue",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("job_id", String(40)),
    Column("holder", String(64)),
    Column("config_digest", String(32)),
    Column("read_measures", Boolean),
)

scope_batch = Table(
    "scope_batch",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("batch", Integer, primary_key=True, autoincrement=False),
    Column("scopes", Text),
    Column("worker", String(40)),
    Column("claims", Integer),
)

given_up_endpoint = Table(
    "given_up_endpoint",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("account_id", String(12), primary_key=True),
    Column("region", String(32), primary_key=True),
    Column("service", String(64), primary_key=True),
)


class QueueClosed(Conflict):
    """The run has ended, or its coordinator stopped it: nothing more may be written for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeQueue:
    """An open run. Only processes with the same `config_digest`, which make the same documents, may share it."""

    run_id: str
    job_id: str
    holder: str  # the process that coordinates the run: `web-1 (pid 4711)`
    config_digest: str
    read_measures: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """A claimed batch; `claims` is 2 or more when an earlier holder may have scanned some of its scopes."""

    number: int
    text: str
    claims: int

    def scopes(self) -> tuple[Scope, ...]:
        """Return its scopes."""
        return _scopes(self.text)


def split_batches(
    scopes: Sequence[Scope], durations_s: Mapping[Scope, float] | None = None
) -> tuple[tuple[Scope, ...], ...]:
    """Split scopes into batches, in order. A batch ends at its size, or when its scopes took `_BATCH_S` the last time."""
    size = min(max(len(scopes) // _BATCHES, _MIN_SCOPES), _MAX_SCOPES)
    batches: list[tuple[Scope, ...]] = []
    batch: list[Scope] = []
    seconds = 0.0
    for scope in scopes:
        batch.append(scope)
        seconds += (durations_s or {}).get(scope, 0.0)
        if len(batch) >= size or seconds >= _BATCH_S:
            batches.append(tuple(batch))
            batch, seconds = [], 0.0
    return (*batches, tuple(batch)) if batch else tuple(batches)


def open_queue(connection: Connection, queue: ScopeQueue) -> None:
    """Open the queue of a run, or take it over from an earlier coordinator with its batches."""
    values = {
        "job_id": queue.job_id,
        "holder": queue.holder[:64],
        "config_digest": queue.config_digest,
        "read_measures": queue.read_measures,
    }
    changed = update(scope_queue).where(scope_queue.c.run_id == queue.run_id).values(values)
    if connection.execute(changed).rowcount == 0:
        connection.execute(insert(scope_queue).values(run_id=queue.run_id, **values))


def close_queue(connection: Connection, run_id: str) -> None:
    """Close the queue after the current writes of workers; later ones raise QueueClosed."""
    for table in (scope_queue, scope_batch, given_up_endpoint):
        connection.execute(delete(table).where(table.c.run_id == run_id))


def check_open(connection: Connection, run_id: str) -> None:
    """Raise QueueClosed unless the queue stays open until the end of this transaction."""
    row = select(scope_queue.c.run_id).where(scope_queue.c.run_id == run_id).with_for_update(read=True, key_share=True)
    if connection.execute(row).first() is None:
        raise QueueClosed(f"{run_id} has ended", hint="`windlass inventory runs` shows how.")


def find_queues(connection: Connection) -> tuple[ScopeQueue, ...]:
    """Return the open queues, oldest first. Locks nothing."""
    rows = connection.execute(select(scope_queue).order_by(scope_queue.c.run_id))
    return tuple(
        ScopeQueue(
            run_id=row.run_id,
            job_id=row.job_id,
            holder=row.holder,
            config_digest=row.config_digest,
            read_measures=row.read_measures,
        )
        for row in rows
    )


def delete_batches_except(connection: Connection, run_id: str, workers: Sequence[str]) -> None:
    """Delete the batches that none of these workers has claimed."""
    free = (scope_batch.c.run_id == run_id, scope_batch.c.worker.not_in(list(workers)))
    connection.execute(delete(scope_batch).where(*free))


def add_batches(connection: Connection, run_id: str, batches: Iterable[Sequence[Scope]]) -> None:
    """Add free batches behind those that exist."""
    last = connection.execute(select(func.max(scope_batch.c.batch)).where(scope_batch.c.run_id == run_id)).scalar()
    rows = [
        {"run_id": run_id, "batch": number, "scopes": _text(scopes), "worker": "", "claims": 0}
        for number, scopes in enumerate(batches, (last or 0) + 1)
    ]
    if rows:
        connection.execute(insert(scope_batch), rows)


def claim_batches(connection: Connection, run_id: str, worker: str, limit: int) -> tuple[Batch, ...]:
    """Claim up to `limit` free batches, the first ones of the plan; return all that `worker` holds.

    Processes that claim at the same time get different batches. The result includes batches of a claim whose response was
    lost.
    """
    free = select(scope_batch.c.batch).where(scope_batch.c.run_id == run_id, scope_batch.c.worker == "")
    first = free.order_by(scope_batch.c.batch).limit(limit).with_for_update(skip_locked=True)
    numbers = connection.execute(first).scalars().all() if limit else []
    if numbers:
        claimed = update(scope_batch).where(scope_batch.c.run_id == run_id, scope_batch.c.batch.in_(numbers))
        connection.execute(claimed.values(worker=worker, claims=scope_batch.c.claims + 1))
    held = select(scope_batch).where(scope_batch.c.run_id == run_id, scope_batch.c.worker == worker)
    rows = connection.execute(held.order_by(scope_batch.c.batch))
    return tuple(Batch(row.batch, row.scopes, row.claims) for row in rows)


def delete_batches(connection: Connection, run_id: str, worker: str, numbers: Sequence[int]) -> None:
    """Delete claimed batches whose scopes are all scanned."""
    if numbers:
        of_worker = (scope_batch.c.run_id == run_id, scope_batch.c.worker == worker)
        connection.execute(delete(scope_batch).where(*of_worker, scope_batch.c.batch.in_(list(numbers))))


def release_batches(connection: Connection, run_id: str, worker: str) -> int:
    """Make a worker's batches free for others; return how many."""
    of_worker = (scope_batch.c.run_id == run_id, scope_batch.c.worker == worker)
    return connection.execute(update(scope_batch).where(*of_worker).values(worker="")).rowcount


def claimed_scopes(connection: Connection, run_id: str) -> frozenset[Scope]:
    """Return the scopes of the batches that workers hold."""
    held = select(scope_batch.c.scopes).where(scope_batch.c.run_id == run_id, scope_batch.c.worker != "")
    return frozenset(scope for text in connection.execute(held).scalars() for scope in _scopes(text))


def batches_left(connection: Connection, run_id: str) -> bool:
    """Return whether any scope of the run is not scanned yet, here or elsewhere."""
    left = select(scope_batch.c.batch).where(scope_batch.c.run_id == run_id).limit(1)
    return connection.execute(left).first() is not None


def _text(scopes: Sequence[Scope]) -> str:
    return canonical_json([[scope.account_id, scope.region, scope.type] for scope in scopes])


def _scopes(text: str) -> tuple[Scope, ...]:
    return tuple(Scope(*names) for names in json.loads(text))
