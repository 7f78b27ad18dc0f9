"""Scopes without resources in a shared run: they are written before their batch is deleted, and not scanned twice."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from windlass.inventory import run_workers, runs, scope_queue
from windlass.inventory.automatic.empty_scopes import EmptyScopeWriter, read_empty_scopes
from windlass.inventory.model import Scope, ScopeResult, ScopeState
from windlass.inventory.scope_claims import ScopeClaims, fill_queue, leave
from windlass.inventory.scope_queue import ScopeQueue
from windlass.store.leases import Leases

T0 = datetime(2026, 12, 1, tzinfo=UTC)
SCOPES = tuple(Scope("111111111111", f"r{number}", "gizmos.gizmo") for number in range(16))


@dataclass
class Gizmo:
    automatic: bool = True


class Process:
    """A process in the run `run_id`."""

    def __init__(self, store, run_id, worker):
        self.writer = EmptyScopeWriter(store, run_id, {"gizmos.gizmo": Gizmo()}, (), worker=worker, clock=lambda: 0.0)
        self.claims = ScopeClaims(
            store=store,
            leases=Leases(store),
            queue=queue_of(run_id),
            worker=worker,
            total=len(SCOPES),
            done_at_start=0,
            now=lambda: T0,
            empty_scopes=self.writer,
        )
        with store.write() as connection:
            run_workers.add_worker(connection, run_id, worker, host="h", is_leased=False, now=T0)

    def claim(self):
        return self.claims.claim(8, frozenset()).scopes

    def scan(self, scopes):
        for scope in scopes:
            assert self.writer.take(ScopeResult(scope=scope, state=ScopeState.OK, started_at=T0, finished_at=T0))
            self.claims.ended(scope)


def queue_of(run_id):
    return ScopeQueue(run_id=run_id, job_id="", holder="h", config_digest="", read_measures=False)


@pytest.fixture
def run_id(store):
    run_id = runs.begin_run(store, now=T0, scopes_total=len(SCOPES))
    store.transact(lambda connection: fill_queue(connection, queue_of(run_id), SCOPES, {}, now=T0))
    return run_id


def written(store):
    return set(store.fetch(read_empty_scopes))


def claimed(store, run_id):
    return store.fetch(lambda connection: scope_queue.claimed_scopes(connection, run_id))


def test_a_batch_is_deleted_after_its_results_are_written(store, run_id):
    process = Process(store, run_id, "w1")
    first = process.claim()
    process.scan(first)
    second = process.claim()
    assert written(store) == set()
    assert claimed(store, run_id) == {*first, *second}
    process.writer.flush()
    process.scan(second[:1])
    process.claim()
    assert claimed(store, run_id) == set(second), "the first batch is written, the second is not"
    process.scan(second[1:])
    while not process.claims.is_finished():
        process.claim()
    assert written(store) == set(SCOPES)
    runs.finish_run(store, run_id, status="done", now=T0)
    run = store.fetch(lambda connection: runs.find_run(connection, run_id))
    assert (run.status, run.scopes_done) == ("done", len(SCOPES))


def test_another_process_scans_only_what_was_not_written(store, run_id):
    first = Process(store, run_id, "w1")
    scopes = first.claim()
    first.scan(scopes[:3])
    first.writer.flush()
    first.scan(scopes[3:])  # these are lost with the process
    store.transact(lambda connection: leave(connection, run_id, "w1", now=T0))
    assert set(Process(store, run_id, "w2").claim()) == set(scopes[3:])


def test_a_coordinator_that_resumes_plans_only_what_was_not_written(store, run_id):
    first = Process(store, run_id, "w1")
    scopes = first.claim()
    first.scan(scopes)
    first.writer.flush()

    def fill(connection):
        return fill_queue(connection, queue_of(run_id), SCOPES, {}, now=T0, resumed=True)

    assert store.transact(fill) == len(SCOPES) - len(scopes)
    second = Process(store, run_id, "w2")
    assert set(second.claim()) == set(SCOPES) - set(scopes)
