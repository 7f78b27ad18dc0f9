"""Processes that share a database, in virtual time, around the real lease and jobs code: one seed is one schedule.

Each process runs the loop that a collector or a periodic set runs (`Leases.run_alone`, `Jobs.unfinished`, `Jobs.run`), some
run `Jobs.resume`. The code is synchronous: each process is a set of greenlets, and every transaction and every wait is a
place where another goes on, where the process is killed, or where the database is lost: before the transaction, or after
its commit. Hosts restart, databases stay away for a minute, clocks of hosts and of the database jump.
"""

import contextlib
import heapq
import itertools
import random
from datetime import UTC, datetime, timedelta

from greenlet import getcurrent, greenlet

from tests.jobs.memory import Database, Rows, Transaction
from windlass.core.errors import Conflict, Interrupted, StoreError, WindlassError
from windlass.jobs.service import Jobs
from windlass.store.failures import CONNECTION_LOST
from windlass.store.leases import LeaseLost, Leases
from windlass.store.leases.heartbeat import keep_renewed
from windlass.store.leases.model import LEASE_DURATION_S, POLL_S, Holder

KIND, PARAMS = "collect", {"set": "a"}
T0 = datetime(2026, 11, 20, tzinfo=UTC)
PATIENCE_S = 60.0
ROUND_S = 1e6  # once is enough for a schedule
SETTLED_S = LEASE_DURATION_S + POLL_S + 40.0  # after the last fault: a takeover, and the work


class Killed(BaseException):
    """The process is gone: nothing of it runs any more, no `finally` reaches the database."""


class Violated(BaseException):
    """What must hold does not. No code under test may catch it."""


def must(holds, message):
    if not holds:
        raise Violated(message)


class Process:
    """One process: its greenlets run until it is killed."""

    def __init__(self, sim, host, machine, main):
        self.sim, self.alive = sim, True
        self.holder = Holder(host=host, machine=machine, pid=next(sim.pids), started=str(next(sim.pids)))
        self.clock_s = sim.rng.choice((0.0, 0.0, 3600.0, -3600.0))
        self.greenlets = []
        store = Store(self)
        leases = sim.kit.leases(
            store,
            holder=lambda: self.holder,
            is_gone=self.is_gone,
            heartbeat=self.heartbeat,
            rows=Rows,
            new_token=lambda: f"t{next(sim.tokens)}",
        )
        self.jobs = sim.kit.jobs(store, now=self.now, leases=leases, rows=Rows)
        self.jobs.runners[KIND] = self.work
        sim.processes.append(self)
        self.spawn(lambda: main(self))

    def now(self):
        return T0 + timedelta(seconds=self.sim.now + self.clock_s)

    def is_gone(self, holder):
        """As `process.is_gone`: only processes of the same machine can be judged."""
        if (holder.host, holder.machine) != (self.holder.host, self.holder.machine):
            return False
        return not any(process.alive and process.holder == holder for process in self.sim.processes)

    def spawn(self, run):
        def body():
            with contextlib.suppress(Killed):
                run()

        worker = greenlet(body, self.sim.hub)
        self.greenlets.append(worker)
        self.sim.wake(worker, self, 0.0)
        return worker

    def sleep(self, seconds):
        """Let others go on. Killed: this process does not come back."""
        if not self.alive:
            raise Killed
        self.sim.wake(getcurrent(), self, seconds)
        self.sim.hub.switch()
        if not self.alive:
            raise Killed

    def kill(self):
        """At once as others see it; the greenlets are unwound by the hub, where none of their effects reaches anything."""
        self.alive = False
        self.sim.condemned += self.greenlets

    @contextlib.contextmanager
    def heartbeat(self, renew, lost):
        ended, idle = [], [True]

        def wait(seconds):
            idle[0] = True
            self.sleep(seconds)
            idle[0] = False
            return bool(ended)

        worker = self.spawn(lambda: self.sim.kit.keep_renewed(renew, lost, wait=wait, monotonic=lambda: self.sim.now))
        try:
            yield
        finally:
            ended.append(True)
            while self.alive and worker and not idle[0]:
                self.sleep(0.05)

    # What Stop asks of an event

    def is_set(self):
        return not self.alive

    def wait(self, seconds):
        self.sleep(seconds)
        return False

    # What the process does

    def work(self, running):
        for step in range(int(running.checkpoint.get("next", 0)), self.sim.steps):
            left_s = self.sim.rng.uniform(0.1, self.sim.step_s)
            while left_s > 0:
                running.check()
                self.sim.effect(self, running)
                self.sleep(min(left_s, 6.0))
                left_s -= 6.0
            running.store.transact(lambda transaction, step=step: self.sim.write(transaction, running, step))
            running.report(done=step + 1, checkpoint={"next": step + 1})

    def loop(self):
        def round_(lease):
            job = self.jobs.unfinished(KIND, PARAMS)
            try:
                if job is not None and job.status == "running":
                    return POLL_S
                if job is None and self.sim.is_done():
                    return ROUND_S
                begun = (
                    self.jobs.run(job.job_id, under=[lease])
                    if job is not None
                    else self.jobs.run_new(KIND, "collect", params=PARAMS, under=[lease])
                )
                with begun as running:
                    self.work(running)
            except LeaseLost:
                raise
            except Interrupted:
                return 0.0
            except WindlassError:
                return POLL_S
            return ROUND_S

        self.jobs.leases.run_alone("loop", round_, stop=self)

    def command(self):
        """Somebody resumes what there is, as `windlass jobs resume`, and looks at the list."""
        with contextlib.suppress(WindlassError):
            for job in self.jobs.list():
                if job.status.resumable:
                    with contextlib.suppress(Conflict):
                        self.jobs.resume(job.job_id)


class Store:
    """The store, as one process reaches it. Its transactions come one after another."""

    def __init__(self, process, patience_s=0.0, guard=None):
        self.process, self.patience_s, self.guard = process, patience_s, guard

    def patient(self):
        return Store(self.process, PATIENCE_S, self.guard)

    def guarded(self, guard):
        return Store(self.process, self.patience_s, guard)

    def fetch(self, work):
        return self._persist(work, write=False)

    def transact(self, work):
        return self._persist(work, write=True)

    @contextlib.contextmanager
    def read(self):
        yield self.fetch(lambda transaction: transaction)

    def _persist(self, work, *, write):
        sim = self.process.sim
        deadline = sim.now + self.patience_s
        while True:
            answered, result = self._once(work, write=write)
            if answered:
                return result
            if sim.now >= deadline:
                raise StoreError("the server can't be reached", code=CONNECTION_LOST)
            self.process.sleep(0.5)

    def _once(self, work, *, write):
        """One transaction: whether its answer arrived, and the result."""
        sim, process = self.process.sim, self.process
        process.sleep(0.01)
        sim.maybe_fault(process)
        if not process.alive:
            raise Killed
        if max(sim.away_until, sim.cut_off.get(process.holder.host, 0.0)) > sim.now:
            process.sleep(sim.rng.choice((0.01, 0.01, 13.0)))  # refused; or nothing answers
            return False, None
        transaction = Transaction(sim.database)
        if write and self.guard is not None:
            self.guard(transaction)
        result = work(transaction)
        if not write:
            return True, result
        sim.takes_over(transaction)
        transaction.commit()
        sim.committed()
        sim.maybe_fault(process)
        if not process.alive:
            raise Killed
        return not sim.answer_lost(), result


class Kit:
    """The code under test; mutants put theirs in."""

    leases, jobs, keep_renewed = Leases, Jobs, staticmethod(keep_renewed)


class Sim:
    """One schedule."""

    def __init__(self, seed, kit=Kit):
        self.rng, self.kit = random.Random(seed), kit
        self.now, self.hub = 0.0, getcurrent()
        self.heap, self.order = [], itertools.count()
        self.pids, self.tokens = itertools.count(1), itertools.count()
        self.database = Database(self.database_now)
        self.database_s, self.jumped, self.away_until = 0.0, False, 0.0
        self.processes, self.effects, self.condemned, self.boots = [], {}, [], {}
        self.cut_off = {}  # hosts that the database can't be reached from, and until when
        self.steps = self.rng.randrange(1, 5)
        # Some steps outlast a lease, while the host that works on them can't reach the database.
        self.partition = self.rng.random() < 0.1
        self.step_s = 150.0 if self.partition else 4.0
        self.faults = self.rng.randrange(0, 5)
        self.calm_at = 0.0
        # A fault comes at one of the next so many transactions; small numbers hit the first ones.
        self.countdown = self.rng.randrange(1, 12)

    # Time

    def database_now(self):
        return T0 + timedelta(seconds=self.now + self.database_s)

    def wake(self, worker, process, seconds):
        heapq.heappush(self.heap, (self.now + seconds, next(self.order), worker, process))

    def run(self):
        hosts = self.rng.randrange(1, 4)
        for number in range(self.rng.randrange(2, 5)):
            self.start(f"host{number % hosts}")
        while self.heap:
            at, _, worker, process = heapq.heappop(self.heap)
            if not process.alive or worker.dead:
                continue
            self.now = at
            if (
                self.faults == 0
                and self.now > max(self.calm_at, self.away_until, 0.0, *self.cut_off.values()) + self.settled_s()
            ):
                break
            worker.switch()
            self.unwind()
            if self.faults == 0 and self.is_done():
                break
        for process in self.processes:
            if process.alive:
                process.kill()
        self.unwind()
        must(self.is_done(), f"nobody finished the job: {self.database.jobs} {self.database.leases}")
        return self

    def settled_s(self):
        """After a jump back of the database's clock, the ends of the loop's lease and then of the job's are bounded."""
        return SETTLED_S + 5 * self.step_s + (LEASE_DURATION_S + POLL_S if self.jumped else 0.0)

    def unwind(self):
        while self.condemned:
            worker = self.condemned.pop()
            if worker:
                worker.throw(Killed)

    def is_done(self):
        jobs = self.database.jobs.values()
        return bool(jobs) and all(job.status == "done" for job in jobs)

    def start(self, host, main=Process.loop):
        Process(self, host, f"{host} boot {self.boots.get(host, 0)}", main)

    # Faults

    def maybe_fault(self, process):
        if self.faults == 0:
            return
        self.countdown -= 1
        if self.countdown > 0:
            return
        self.countdown = self.rng.randrange(1, 25)
        self.faults -= 1
        self.calm_at = self.now
        if self.partition:
            self.cut_off[process.holder.host] = self.now + 120.0
            return
        self.rng.choice((self.kill_one, self.kill_one, self.lose_database, self.jump, self.restart_host, self.ask))(
            process
        )

    def kill_one(self, process):
        """kill -9 in the middle; a supervisor starts another."""
        host = process.holder.host
        self.later(self.rng.choice((0.1, 5.0)), lambda: self.start(host))
        process.kill()

    def restart_host(self, process):
        """All processes of a host are gone, and nobody can see that: it has another boot."""
        host = process.holder.host
        self.boots[host] = self.boots.get(host, 0) + 1
        self.later(self.rng.choice((1.0, 30.0)), lambda: self.start(host))
        for entry in self.processes:
            if entry.holder.host == host and entry.alive:
                entry.kill()

    def lose_database(self, process):
        self.away_until = self.now + self.rng.choice((0.2, 3.0, 30.0, 90.0))

    def jump(self, process):
        self.database_s += self.rng.choice((3600.0, 60.0, -60.0, -3600.0))
        self.jumped = True

    def ask(self, process):
        self.start(process.holder.host, Process.command)

    def later(self, seconds, run):
        """Something outside all processes happens."""
        outside = type("Outside", (), {"alive": True})()
        self.wake(greenlet(run, self.hub), outside, seconds)

    def answer_lost(self):
        return self.faults > 0 and self.rng.random() < 0.03

    # What must hold

    def write(self, transaction, running, step):
        """A write of the job's work: refused, unless its process has the job and all that the job is under."""
        for lease in (*running.lease.under, running.lease):
            row = Rows.read_lease(transaction, lease.name)
            must(
                (row.token, row.fence) == (lease.token, lease.fence), f"{lease.name}: a former holder wrote step {step}"
            )
        steps = [one for job_id, one in self.database.written if job_id == running.job_id]
        must(step <= len(set(steps)), f"step {step} was written after {steps}: a step was left out")
        transaction.written.append((running.job_id, step))

    def committed(self):
        """Fences never fall."""
        for name, row in self.database.leases.items():
            key = ("fence", name)
            must(row.fence >= self.effects.get(key, 0), f"the fence of {name} fell")
            self.effects[key] = row.fence
            if row.token:
                first = self.effects.setdefault((name, row.fence), row.token)
                must(first == row.token, f"{name}: one fence, two holders")

    def takes_over(self, transaction):
        """Nobody loses a lease whose time is not up while its process lives."""
        for name, row in transaction.leases.items():
            before = self.database.leases.get(name)
            if before is None or not before.token or row.fence == before.fence:
                continue
            lives = any(process.alive and process.holder == before.holder for process in self.processes)
            must(not lives or before.expires_at <= self.database_now(), f"{name}: taken from a holder that lives")

    def effect(self, process, running):
        """The work calls AWS, which checks no fence: once a successor has begun, its predecessor must have stopped."""
        name, fence = running.lease.name, running.lease.fence
        last = self.effects.get(("effect", name), 0)
        must(self.jumped or fence >= last, f"{name}: a former holder went on with AWS beside its successor")
        self.effects["effect", name] = max(last, fence)
