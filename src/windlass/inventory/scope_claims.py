"""The scopes that this process claims from an open queue, and the release of the claims of dead processes.

A claim lasts until its scopes are written, until its process leaves the run, or until the lease of its process has
expired. Every write of a process checks its lease, so that a process that lost its claims writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from windlass.core.errors import Conflict
from windlass.inventory import run_workers, runs, scope_queue
from windlass.inventory.automatic.empty_scopes import EmptyScopeWriter, scanned_empty_scopes
from windlass.inventory.model import Scope
from windlass.inventory.run_workers import worker_lease
from windlass.inventory.scheduler import Endpoint
from windlass.inventory.scope_queue import Batch, ScopeQueue, given_up_endpoint
from windlass.inventory.scope_source import Claim
from windlass.observe.log import logger
from windlass.store.engine import Store
from windlass.store.leases import POLL_S, Leases
from windlass.store.leases.table import delete_leases

__all__ = ["ScopeClaims", "fill_queue", "free_lost", "is_coordinator_gone", "leave"]

_SCOPES_PER_BATCH = 8  # the smallest full batch: enough batches are claimed to hold the requested scopes


def fill_queue(
    connection: Connection,
    queue: ScopeQueue,
    plan: Sequence[Scope],
    durations_s: Mapping[Scope, float],
    *,
    now: datetime,
    resumed: bool = False,
) -> int:
    """Open a run's queue with the scopes of the plan that are neither scanned nor held by a live worker.

    The caller coordinates the run: the batches of an earlier coordinator are free. Return how many scopes are not scanned.
    Add the caller's own row of `run_worker` afterwards. `resumed`: scopes without resources may be scanned already.
    """
    run_id = queue.run_id
    scope_queue.open_queue(connection, queue)
    for coordinator in run_workers.find_working(connection, run_id, is_leased=False):
        run_workers.end_worker(connection, run_id, coordinator, state="lost", now=now)
    workers = run_workers.find_working(connection, run_id, is_leased=True)
    scope_queue.delete_batches_except(connection, run_id, workers)
    # In this order, a scope that a worker finishes between the two queries is seen by at least one of them.
    claimed = scope_queue.claimed_scopes(connection, run_id)
    finished = runs.finished_scopes_of(connection, run_id)
    if resumed:
        finished |= scanned_empty_scopes(connection, run_id)
    left = [scope for scope in plan if scope not in claimed and scope not in finished]
    scope_queue.add_batches(connection, run_id, scope_queue.split_batches(left, durations_s))
    return len(left) + len(claimed - finished)


@dataclass(slots=True, kw_only=True)
class ScopeClaims:
    """A `ScopeSource` over the queue. `store` refuses the writes of a process that has lost its claims."""

    store: Store
    leases: Leases
    queue: ScopeQueue
    worker: str
    total: int
    done_at_start: int
    now: Callable[[], datetime]
    accounts: frozenset[str] = frozenset()  # those of this process's estate; empty: any
    empty_scopes: EmptyScopeWriter | None = None  # buffers results: their batches are deleted after its next flush
    is_abandoned: bool = False  # a coordinator that is gone holds the remaining batches
    scanned: int = 0  # scopes that this process has scanned and written
    _open: dict[int, set[Scope]] = field(default_factory=dict)  # claimed batches: their scopes that are not scanned yet
    _batch_of: dict[Scope, int] = field(default_factory=dict)
    _done: list[int] = field(default_factory=list)  # batches whose scopes are all scanned and written
    _unwritten: list[tuple[int, int]] = field(default_factory=list)  # (number of flushes, batch) with buffered results
    _is_starved: bool = False  # the last claim returned no scopes
    _shared: set[Endpoint] = field(default_factory=set)  # endpoints that the store has as given up
    _is_finished: bool = False
    _checked_s: float = field(default_factory=time.monotonic)

    @property
    def run_id(self) -> str:
        """The run whose scopes are claimed."""
        return self.queue.run_id

    def claim(self, limit: int, given_up: frozenset[Endpoint]) -> Claim:
        """Claim free batches with about `limit` scopes. Conflict when a scope's account is not in this estate."""
        if time.monotonic() - self._checked_s >= POLL_S:
            self._checked_s = time.monotonic()
            free_lost(self.store, self.leases, self.run_id, now=self.now)
            # A coordinator has no lease as a worker: its batches are free once another process coordinates the run.
            self.is_abandoned = self._is_starved and is_coordinator_gone(self.leases, self.queue)
        if self._is_starved and self.empty_scopes is not None:  # only these results may be left of the run
            self.empty_scopes.flush()
        self._find_written()
        done = tuple(self._done)
        batch_limit = -(-limit // _SCOPES_PER_BATCH)
        known = {*self._open, *(number for _, number in self._unwritten)}

        def work(connection: Connection) -> tuple[list[Batch], frozenset[Scope], frozenset[Endpoint], bool]:
            scope_queue.check_open(connection, self.run_id)
            scope_queue.delete_batches(connection, self.run_id, self.worker, done)
            endpoints = self._share(connection, given_up)
            held = scope_queue.claim_batches(connection, self.run_id, self.worker, batch_limit)
            batches = [batch for batch in held if batch.number not in known]
            finished = self._finished(connection, [batch for batch in batches if batch.claims > 1])
            return batches, finished, endpoints, bool(held) or scope_queue.batches_left(connection, self.run_id)

        batches, finished, endpoints, left = self.store.transact(work)
        self._done = self._done[len(done) :]
        self._shared |= given_up
        self._is_finished = not left
        self._is_starved = not batches
        return Claim(tuple(scope for batch in batches for scope in self._opened(batch, finished)), endpoints)

    def ended(self, scope: Scope) -> None:
        """Record that a claimed scope is written; the next claim deletes its batch after the last one."""
        self.scanned += 1
        number = self._batch_of.pop(scope)
        self._open[number].discard(scope)
        self._close_batch(number)

    def is_finished(self) -> bool:
        """True when nothing is left to claim: the last claim saw no batch of the run, or the coordinator is gone."""
        return self._is_finished or self.is_abandoned

    @property
    def kept_back(self) -> int:
        """The number of scopes that are scanned and not written yet."""
        return self.empty_scopes.kept_back if self.empty_scopes is not None else 0

    def _finished(self, connection: Connection, batches: Sequence[Batch]) -> frozenset[Scope]:
        """Return the scopes that earlier holders of these batches have written, possibly with scopes of other batches."""
        if not batches:
            return frozenset()
        scopes = {scope for batch in batches for scope in batch.scopes()}
        return runs.finished_scopes_of(connection, self.run_id) | scanned_empty_scopes(connection, self.run_id, scopes)

    def _opened(self, batch: Batch, finished: frozenset[Scope]) -> tuple[Scope, ...]:
        scopes = tuple(scope for scope in batch.scopes() if scope not in finished)
        unknown = {scope.account_id for scope in scopes} - self.accounts if self.accounts else ()
        if unknown:
            raise Conflict(f"{self.run_id} has scopes of account {min(unknown)}, which is not in this estate")
        self._open[batch.number] = set(scopes)
        self._batch_of.update(dict.fromkeys(scopes, batch.number))
        self._close_batch(batch.number)
        return scopes

    def _close_batch(self, number: int) -> None:
        if not self._open[number]:
            del self._open[number]
            self._unwritten.append((self.empty_scopes.flushes if self.empty_scopes is not None else 0, number))

    def _find_written(self) -> None:
        """Move the batches whose results are all in the store to those that the next claim deletes."""
        writer = self.empty_scopes
        is_written = writer is None or writer.is_written
        flushes = writer.flushes if writer is not None else 0
        self._done += [number for before, number in self._unwritten if is_written or before < flushes]
        self._unwritten = [] if is_written else [entry for entry in self._unwritten if entry[0] >= flushes]

    def _share(self, connection: Connection, given_up: frozenset[Endpoint]) -> frozenset[Endpoint]:
        """Write the endpoints that this process has given up since the last call; return those of all processes."""
        new = given_up - self._shared
        if new:
            rows = [
                {"run_id": self.run_id, "account_id": account_id, "region": region, "service": service}
                for account_id, region, service in sorted(new)
            ]
            connection.execute(self.store.upsert(given_up_endpoint).on_conflict_do_nothing(), rows)
        columns = (given_up_endpoint.c.account_id, given_up_endpoint.c.region, given_up_endpoint.c.service)
        statement = select(*columns).where(given_up_endpoint.c.run_id == self.run_id)
        return frozenset((row.account_id, row.region, row.service) for row in connection.execute(statement))


def is_coordinator_gone(leases: Leases, queue: ScopeQueue) -> bool:
    """Return whether the process that coordinates the run was killed or cut off, so that another must resume its job."""
    return bool(queue.job_id) and not leases.held_by(f"job/{queue.job_id}")


def leave(connection: Connection, run_id: str, worker: str, *, now: datetime) -> int:
    """End a worker's part in a run and release its batches. Return how many."""
    released = scope_queue.release_batches(connection, run_id, worker)
    run_workers.end_worker(connection, run_id, worker, state="left", now=now)
    return released


def free_lost(store: Store, leases: Leases, run_id: str, *, now: Callable[[], datetime]) -> tuple[str, ...]:
    """Free the batches of workers whose process is gone or whose lease has expired; return these workers."""

    def find_dead(connection: Connection) -> list[str]:
        workers = run_workers.find_working(connection, run_id, is_leased=True)
        live = leases.live(connection, [worker_lease(worker) for worker in workers]) if workers else frozenset()
        return [worker for worker in workers if worker_lease(worker) not in live]

    return tuple(worker for worker in store.fetch(find_dead) if _free(store, leases, run_id, worker, now()))


def _free(store: Store, leases: Leases, run_id: str, worker: str, now: datetime) -> bool:
    name = worker_lease(worker)

    def free(connection: Connection) -> bool:
        if not leases.end(connection, name):
            return False
        delete_leases(connection, [name])
        batches = scope_queue.release_batches(connection, run_id, worker)
        run_workers.end_worker(connection, run_id, worker, state="lost", now=now)
        logger("inventory").warning("worker.lost", run_id=run_id, worker=worker, batches=batches)
        return True

    return store.transact(free)
