"""Claims of scopes through random schedules of processes that crash, pause, come back late and repeat their transactions."""

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from tests.examples import examples
from tests.inventory.claims_model import Claims
from windlass.inventory import run_workers, runs, scope_queue, writer
from windlass.inventory.collection_worker import CollectionWorker
from windlass.inventory.model import Scope, ScopeResult, ScopeState
from windlass.inventory.scope_claims import ScopeClaims, fill_queue, free_lost
from windlass.inventory.scope_queue import QueueClosed, ScopeQueue, split_batches
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.leases import LeaseLost, Leases, table
from windlass.store.leases.model import Holder

T0 = datetime(2026, 11, 20, tzinfo=UTC)
SCOPES = tuple(Scope("111111111111", f"r{number}", "ec2.vpc") for number in range(20))
JOB = "job/one"


class Rows:
    """The lease table, with a database clock that the test moves."""

    def __init__(self, clock):
        self._clock = clock

    def __getattr__(self, name):
        return getattr(table, name)

    def database_now(self, connection):
        return self._clock()


class Lossy:
    """A store whose next commit is not answered: its transaction is repeated, as by a store that is patient."""

    def __init__(self, store):
        self._store, self.lose = store, False

    def __getattr__(self, name):
        return getattr(self._store, name)

    def transact(self, work):
        result = self._store.transact(work)
        if self.lose:
            self.lose = False
            result = self._store.transact(work)
        return result


class Process:
    """A process in the run: its claims, and the scopes that it is about to write."""

    def __init__(self, name, store, leases, worker, lease, queue, clock_s):
        self.name, self.store, self.lease, self.leases = name, Lossy(store), lease, leases
        self.now = lambda: datetime.now(UTC) + timedelta(seconds=clock_s)
        self.worker = worker
        self.claims = ScopeClaims(
            store=self.store,
            leases=leases,
            queue=queue,
            worker=worker,
            total=len(SCOPES),
            done_at_start=0,
            now=self.now,
            _checked_s=1e12,  # reaping is a step of its own
        )
        self.scanned = []


class Fleet(RuleBasedStateMachine):
    """Processes by number; number 0 and its successors coordinate."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="windlass-claims-"))
        self.open()
        self.model = Claims(scopes=frozenset(SCOPES))
        self.processes, self.count, self.coordinator = {}, 0, None
        self.run_id = runs.begin_run(self.store, now=T0, scopes_total=len(SCOPES), job_id="one")

    def open(self):
        shutil.copy(type(self).migrated, self.folder / "windlass.db")
        self.store = open_store(StoreConfig(url=f"sqlite:///{self.folder}/windlass.db"), migrated=False)

    def teardown(self):
        try:
            self.everything_ends()
        finally:
            self.store.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # The world

    def leases(self, name):
        return Leases(
            self.store,
            holder=lambda: Holder(host="h", machine="m", pid=name, started=str(name)),
            is_gone=lambda holder: holder.pid in self.model.gone,
            rows=Rows(lambda: T0 + timedelta(seconds=self.model.now)),
        )

    def queue(self):
        return ScopeQueue(run_id=self.run_id, job_id="one", holder="h", config_digest="", read_measures=False)

    def begin(self, clock_s):
        """A process coordinates the run if no other does."""
        self.count += 1
        name, leases = self.count, self.leases(self.count)
        lease = leases.acquire(JOB)
        assert (lease is not None) == self.model.may_coordinate()
        if lease is None:
            return

        def fill(connection):
            fill_queue(connection, self.queue(), SCOPES, {}, now=T0)
            run_workers.add_worker(connection, self.run_id, f"w{name}", host="h", is_leased=False, now=T0)

        lease.store.transact(fill)
        lease.store.transact(fill)  # its answer was lost
        self.model.coordinate(name)
        self.coordinator = name
        self.processes[name] = Process(name, lease.store, leases, f"w{name}", lease, self.queue(), clock_s)

    # Steps

    clocks = st.sampled_from([0, 3600, -3600])
    which = st.integers(0, 5)

    def process(self, which):
        names = sorted(self.processes)
        return self.processes[names[which % len(names)]]

    @rule(clock_s=clocks)
    def a_coordinator_begins(self, clock_s):
        self.begin(clock_s)

    @precondition(lambda self: self.model.is_open)
    @rule(clock_s=clocks)
    def a_worker_joins(self, clock_s):
        self.count += 1
        name, leases = self.count, self.leases(self.count)
        joining = CollectionWorker(self.store, leases, None, lambda: T0)
        lease = joining._join(self.queue(), f"w{name}")
        store = self.store.guarded(lambda connection: joining._check(connection, self.run_id, lease))
        self.model.join(name)
        process = Process(name, store, leases, f"w{name}", lease, self.queue(), clock_s)
        process.leave = lambda: joining._leave(self.run_id, f"w{name}", lease)
        self.processes[name] = process

    @precondition(lambda self: self.processes)
    @rule(which=which, lost=st.booleans())
    def a_process_claims(self, which, lost):
        process = self.process(which)
        process.store.lose = lost
        if not self.model.may_write(process.name):
            with pytest.raises((LeaseLost, QueueClosed)):
                process.claims.claim(8, frozenset())
            del self.processes[process.name]
            return
        self.claim(process)

    def claim(self, process):
        scopes = process.claims.claim(8, frozenset()).scopes
        self.model.claim(process.name, set(scopes))
        process.scanned += scopes

    @precondition(lambda self: any(process.scanned for process in self.processes.values()))
    @rule(which=which, lost=st.booleans())
    def a_process_writes(self, which, lost):
        process = self.process(which)
        if not process.scanned:
            return
        process.store.lose = lost
        if not self.model.may_write(process.name):
            with pytest.raises((LeaseLost, QueueClosed)):
                self.write(process, process.scanned[0])
            del self.processes[process.name]
            return
        scope = process.scanned.pop(0)
        self.write(process, scope)
        self.model.write(process.name, scope)

    def write(self, process, scope):
        at = process.now()
        result = ScopeResult(scope=scope, state=ScopeState.OK, started_at=at, finished_at=at)
        writer.write_result(process.store, self.run_id, result, worker=process.worker)
        process.claims.ended(scope)

    @precondition(lambda self: self.processes)
    @rule(which=which)
    def a_process_renews(self, which):
        process = self.process(which)
        lease = process.lease
        holds = process.name in self.model.expires or process.name == self.model.coordinator
        if not holds:
            with pytest.raises(LeaseLost):
                self.store.transact(lambda connection: process.leases.renew(connection, lease))
            return
        self.store.transact(lambda connection: process.leases.renew(connection, lease))
        self.model.renew(process.name)

    @precondition(lambda self: any(hasattr(process, "leave") for process in self.processes.values()))
    @rule(which=which)
    def a_worker_leaves(self, which):
        process = self.process(which)
        if not hasattr(process, "leave"):
            return
        process.leave()
        if process.name in self.model.expires:
            self.model.leave(process.name)
        del self.processes[process.name]

    @precondition(lambda self: self.processes)
    @rule(which=which, seen=st.booleans())
    def a_process_is_killed(self, which, seen):
        process = self.process(which)
        del self.processes[process.name]
        if seen:
            self.model.gone.add(process.name)

    @precondition(lambda self: self.model.is_open)
    @rule()
    def somebody_looks_for_the_dead(self):
        lost = free_lost(self.store, self.leases(0), self.run_id, now=lambda: T0)
        assert {int(worker[1:]) for worker in lost} == self.model.reap()

    @precondition(lambda self: self.coordinator in self.processes and self.coordinator == self.model.coordinator)
    @rule()
    def the_coordinator_stops_the_run(self):
        process = self.processes.pop(self.coordinator)
        runs.finish_run(process.store, self.run_id, status="interrupted", now=T0)
        self.store.transact(lambda connection: process.leases.release(connection, process.lease))
        self.model.close()

    @rule(seconds=st.sampled_from([1, 20, 56]))
    def time_passes(self, seconds):
        self.model.now += seconds

    @rule(seconds=st.sampled_from([3600, -3600]))
    def the_clock_of_the_database_jumps(self, seconds):
        self.model.now += seconds

    # What must hold

    @invariant()
    def each_scope_counts_once(self):
        with self.store.read() as connection:
            done = runs.finished_scopes_of(connection, self.run_id)
            total = connection.execute(select(func.sum(run_workers.run_worker.c.scopes_done))).scalar()
            row = run_workers.run_worker.c
            states = dict(connection.execute(select(row.worker, row.state)).all())
        assert done == self.model.done
        working = {int(worker[1:]) for worker, state in states.items() if state == "working"}
        expected = {self.model.coordinator, *self.model.expires} if self.model.is_open else set()
        assert working == expected, (states, expected)
        assert (total or 0) == len(done)

    def everything_ends(self):
        """All processes are gone: one that begins then scans all the rest, and nothing is left of the others."""
        self.model.now += 120
        if not self.model.may_coordinate():  # the clock was set back: it is bounded now
            self.begin(0)
            self.model.now += 120
        self.begin(0)
        process = self.processes[self.coordinator]
        self.model.now += 120
        free_lost(self.store, self.leases(0), self.run_id, now=lambda: T0)
        self.model.reap()
        self.model.now += 120
        free_lost(self.store, self.leases(0), self.run_id, now=lambda: T0)
        self.model.reap()
        for _ in range(2 * len(SCOPES)):
            if process.claims.is_finished():
                break
            self.claim(process)
            while process.scanned:
                scope = process.scanned.pop()
                self.write(process, scope)
                self.model.write(process.name, scope)
        assert self.model.done == set(SCOPES), (
            f"left: {self.model} {process.claims} {self.store.fetch(lambda c: c.execute(select(scope_queue.scope_batch)).all())}"
        )
        runs.finish_run(process.store, self.run_id, status="done", now=T0)
        self.model.close()
        self.each_scope_counts_once()
        with self.store.read() as connection:
            run = runs.find_run(connection, self.run_id)
            assert (run.status, run.scopes_done) == ("done", len(SCOPES))
            assert connection.execute(select(scope_queue.scope_batch)).all() == []
            assert [name for name in _lease_names(connection) if name.startswith("inventory.worker/")] == []


def _lease_names(connection):
    return connection.execute(select(table.lease.c.name)).scalars().all()


def play(migrated_file, *, schedules):
    Fleet.migrated = migrated_file
    chosen = settings(
        max_examples=schedules,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Fleet, settings=chosen)


def test_whatever_happens_each_scope_is_written_once(migrated_file):
    play(migrated_file, schedules=examples(100))


def test_long_scopes_are_batches_of_their_own_and_all_are_in_order():
    durations_s = {SCOPES[0]: 60.0, SCOPES[1]: 3.0, SCOPES[2]: 0.5}
    batches = split_batches(SCOPES, durations_s)
    assert [len(batch) for batch in batches] == [1, 1, 8, 8, 2]
    assert tuple(scope for batch in batches for scope in batch) == SCOPES
    many = [replace(SCOPES[0], region=f"r{n}") for n in range(300_000)]
    assert (len(split_batches(many)), max(map(len, split_batches(many)))) == (4110, 73)
    assert split_batches(()) == ()
