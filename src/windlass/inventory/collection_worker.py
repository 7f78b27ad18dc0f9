"""A process that scans scopes of a run which another process coordinates.

It holds its own lease while it takes part in the run. When it stops, it releases its claims at once; when it is killed or
cut off, others release them after its lease has expired. Its writes check the lease and that the run is open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from windlass.core.errors import Conflict, WindlassError
from windlass.core.ids import new_id
from windlass.core.pool import map_bounded
from windlass.inventory import accounts, run_workers, runs, scope_queue
from windlass.inventory.automatic.empty_scopes import EmptyScopeWriter
from windlass.inventory.collection import Collection, sink_of
from windlass.inventory.collector import Collector
from windlass.inventory.model import ScopeState
from windlass.inventory.run_workers import worker_lease
from windlass.inventory.scope_claims import ScopeClaims, leave
from windlass.inventory.scope_queue import QueueClosed, ScopeQueue
from windlass.store.engine import Store
from windlass.store.leases import Lease, LeaseLost, Leases
from windlass.store.leases.table import delete_leases

__all__ = ["CollectionWorker", "WorkerResult"]

_CONCURRENCY = 16  # GetCallerIdentity calls in flight


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """How a worker's part in a run ended.

    `end`: `finished`, `stopped`, `closed` (the run has ended), `abandoned` (its coordinator is gone, and its batches must be
    taken over) or `lost` (the worker's lease expired).
    """

    run_id: str
    end: str
    scopes: int


@dataclass(frozen=True, slots=True)
class CollectionWorker:
    """Joins runs of one store. `collection_on` makes a Collection over a store."""

    store: Store
    leases: Leases
    collection_on: Callable[[Store], Collection]
    now: Callable[[], datetime]

    def work(self, queue: ScopeQueue, *, stop: threading.Event) -> WorkerResult:
        """Scan scopes of the run until none is left, `stop` is set, or the run ends. Conflict when it can't take part."""
        caller = self.collection_on(self.store).caller()
        known = frozenset(str(account.id) for account in caller.accounts())
        self._check_identities(known)
        worker = new_id("worker")
        lease = self._join(queue, worker)
        if lease is None:
            return WorkerResult(queue.run_id, "closed", 0)
        end, claims = "lost", None
        with self.leases.kept(lease):
            store = self.store.patient().guarded(lambda connection: self._check(connection, queue.run_id, lease))
            collection = self.collection_on(store)
            types = collection.types.by_name_of(collection.types.collected)  # all of the run: its digest is the same
            with_rows = runs.last_durations_s(store).keys()
            empty_scopes = EmptyScopeWriter(store, queue.run_id, types, with_rows, worker=worker)
            collector = collection.collector(types, read_measures=queue.read_measures)
            claims = ScopeClaims(
                store=store,
                leases=self.leases,
                queue=queue,
                worker=worker,
                total=0,
                done_at_start=0,
                now=self.now,
                accounts=known,
                empty_scopes=empty_scopes,
            )
            try:
                end = self._scan(collector, claims, lease, stop)
                empty_scopes.flush()
            except (LeaseLost, QueueClosed):  # the end of a run ends the leases of its workers, too
                end = self._end_of(queue.run_id)
            finally:
                self._leave(queue.run_id, worker, lease)
        return WorkerResult(queue.run_id, end, claims.scanned)

    def _scan(self, collector: Collector, claims: ScopeClaims, lease: Lease, stop: threading.Event) -> str:
        ended = _AnySet(stop, lease.lost)
        # Another worker scans interrupted scopes at once: writing half of their details would add a needless revision.
        if collector.run_from(claims, sink=sink_of(claims), stop=ended, report_unfinished=False):
            return "abandoned" if claims.is_abandoned else "finished"
        return self._end_of(claims.run_id) if lease.lost.is_set() else "stopped"

    def _end_of(self, run_id: str) -> str:
        run = self.store.patient().fetch(lambda connection: runs.find_run(connection, run_id))
        if run is None or run.status == "running":
            return "lost"
        return "finished" if run.status in ("done", "partial") else "closed"

    def _check_identities(self, known: frozenset[str]) -> None:
        """Raise Conflict when an account that the coordinator could read refuses this process: all would look denied."""
        collection = self.collection_on(self.store)
        caller = collection.caller()
        with self.store.read() as connection:
            readable = [
                account.account_id
                for account in accounts.list_accounts(connection)
                if account.state is ScopeState.OK and account.account_id in known
            ]
        for outcome in map_bounded(caller.identity, readable, limit=_CONCURRENCY, name="identity"):
            if outcome.error is not None:
                if not isinstance(outcome.error, WindlassError):
                    raise outcome.error
                raise Conflict(
                    f"this process can't read account {outcome.item}, which others can: {outcome.error.message}",
                    hint="Give every worker the same credentials.",
                )

    def _join(self, queue: ScopeQueue, worker: str) -> Lease | None:
        def join(connection: Connection) -> Lease | None:
            scope_queue.check_open(connection, queue.run_id)
            lease = self.leases.claim(connection, worker_lease(worker), worker)
            host = self.leases.holder().title
            run_workers.add_worker(connection, queue.run_id, worker, host=host, is_leased=True, now=self.now())
            return lease

        try:
            return self.store.patient().transact(join)
        except QueueClosed:
            return None

    def _check(self, connection: Connection, run_id: str, lease: Lease) -> None:
        self.leases.check(connection, lease)
        scope_queue.check_open(connection, run_id)

    def _leave(self, run_id: str, worker: str, lease: Lease) -> None:
        """Release the claims at once. If that fails, others release them when the lease has expired."""

        def end(connection: Connection) -> None:
            self.leases.check(connection, lease)
            leave(connection, run_id, worker, now=self.now())
            delete_leases(connection, [lease.name])

        try:
            self.store.transact(end)
        except WindlassError:
            lease.lost.set()


class _AnySet(threading.Event):
    """An event that is set when any of others is."""

    def __init__(self, *events: threading.Event) -> None:
        super().__init__()
        self._events = events

    def is_set(self) -> bool:
        """Return whether any of the events is set."""
        return any(event.is_set() for event in self._events)
