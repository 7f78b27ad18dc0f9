"""Which runs a process joins, which it leaves alone, and which it takes over."""

import contextlib
import threading
import time
from dataclasses import replace

import pytest

from tests.inventory.fake import ONE, TWO, FakeCaller, denied
from windlass.core.errors import Interrupted
from windlass.inventory import collection, scope_claims
from windlass.inventory.collection_job import collect_as_job, resume_abandoned
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.inventory.worker_loop import work_forever
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs
from windlass.store.leases import LeaseLost, Leases
from windlass.store.leases.model import Holder

REGIONS = tuple(f"r{number}" for number in range(40))
ELSEWHERE = Holder(host="web-2", machine="another", pid=7, started="70")


class Estate(FakeCaller):
    """A caller whose listings wait until `go_on` is set."""

    def __init__(self, **options):
        self.go_on = threading.Event()
        super().__init__({("ec2", "DescribeVpcs"): self.vpcs}, region_names=REGIONS, account_ids=(ONE, TWO), **options)

    def vpcs(self, account_id, region, _):
        self.go_on.wait(30)
        return {"Vpcs": [{"VpcId": f"vpc-{account_id}-{region}"}]}


def inventory_of(store, caller, **config):
    return Inventory(store, lambda: caller, InventoryConfig(concurrency=2, types=["ec2.vpc"], **config))


def jobs_elsewhere(store):
    return Jobs(store, leases=Leases(store, holder=lambda: ELSEWHERE))


def until(look):
    """What `look` returns once that is true."""
    deadline = time.monotonic() + 90
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return seen


@contextlib.contextmanager
def running(work):
    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join(90)
    assert not thread.is_alive()


@pytest.fixture
def coordinated(store):
    """A run of this process that waits for AWS: the caller, the inventory, its jobs and the run's end."""
    caller, runs = Estate(), []
    inventory, jobs = inventory_of(store, caller), Jobs(store)
    with running(lambda: runs.append(collect_as_job(inventory, jobs, inventory.options()))):
        until(inventory.queues)
        yield caller, inventory, jobs, runs
        caller.go_on.set()


def work(inventory, jobs, *, events):
    """Run the loop until it has joined or left so many times; return what it joined and how it left."""
    stop, said = threading.Event(), []

    def heard(event):
        said.append(event)
        if len(said) == events:
            stop.set()

    timer = threading.Timer(90.0, stop.set)
    timer.start()
    work_forever(inventory, jobs, stop=stop, joined=heard, left=heard)
    timer.cancel()
    return said


def test_a_process_of_another_machine_takes_its_share(store, coordinated):
    caller, _, _, runs = coordinated
    other = Estate()
    other.go_on.set()
    with running(lambda: threading.Event().wait(0.5) or caller.go_on.set()):
        _, result = work(inventory_of(store, other), jobs_elsewhere(store), events=2)
    until(lambda: runs)
    (run,) = runs
    assert (result.end, run.status, run.scopes_done, run.resources) == ("finished", "done", 80, 80)
    assert result.scopes == len(other.log) > 20
    assert len(other.log) + len(caller.log) == 80, "each scope was scanned by one of them"
    workers = inventory_of(store, other).run_workers(run.run_id)
    assert [(worker.host, worker.state) for worker in workers][1] == ("web-2 (pid 7)", "left")
    assert sum(worker.scopes_done for worker in workers) == 80


def test_a_process_does_not_join_its_own_run(store, coordinated):
    _, inventory, jobs, _ = coordinated
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    joined = []
    work_forever(inventory, jobs, stop=stop, joined=joined.append)
    assert joined == []


@pytest.mark.parametrize(
    ("options", "config", "why"),
    [
        ({}, {"redact_paths": ["ec2.vpc:Tags"]}, "redact_paths"),
        ({"refusals": {TWO: denied("sts:AssumeRole")}}, {}, "can't read account 222222222222"),
        ({"one_account": True}, {}, "is not in this estate"),
    ],
)
def test_a_process_that_would_read_something_else_says_why_it_does_not_join(
    store, coordinated, capsys, options, config, why
):
    other = Estate(refusals=options.get("refusals", {}))
    other.go_on.set()
    if options.get("one_account"):
        other.account_ids = (ONE,)
    inventory, jobs, stop = inventory_of(store, other, **config), jobs_elsewhere(store), threading.Event()
    threading.Timer(2.5, stop.set).start()
    work_forever(inventory, jobs, stop=stop)
    out = capsys.readouterr()
    assert why in out.out + out.err
    assert other.log == []
    coordinated[0].go_on.set()


@pytest.mark.parametrize("dies", ["before a worker joins", "when a worker has scanned what it could"])
def test_a_run_whose_coordinator_is_gone_is_taken_over_and_the_late_one_writes_nothing(store, monkeypatch, dies):
    monkeypatch.setattr(
        collection, "Leases", lambda store: Leases(store, holder=lambda: replace(ELSEWHERE, pid=8))
    )  # this process, as the coordinator, is another one than the worker's
    monkeypatch.setattr(scope_claims, "POLL_S", 0.2)
    late, caller, dead = Estate(), Estate(), threading.Event()
    caller.go_on.set()
    gone = Jobs(store, leases=Leases(store, holder=lambda: replace(ELSEWHERE, pid=8)))
    here = Jobs(store, leases=Leases(store, is_gone=lambda holder: holder.pid == 8 and dead.is_set()))
    inventory, errors, stop = inventory_of(store, late), [], threading.Event()

    def coordinate():
        try:
            collect_as_job(inventory, gone, inventory.options())
        except LeaseLost as error:
            errors.append(error)

    def take_over():
        work_forever(inventory_of(store, caller), here, stop=stop, resume=True)

    with running(coordinate):
        until(inventory.queues)
        if dies == "before a worker joins":
            dead.set()
        with running(take_over):
            try:
                if not dead.is_set():
                    until(lambda: caller.log)
                    time.sleep(0.5)
                    assert not inventory.runs(1)[0].finished_at
                    dead.set()
                runs = until(lambda: [run for run in inventory.runs(1) if run.finished_at])
            finally:
                stop.set()
                late.go_on.set()
    assert len(errors) == 1, "the late coordinator learned that another has its job"
    assert (runs[0].status, runs[0].scopes_done, len(caller.log)) == ("done", 80, 80)
    assert inventory.runs(1) == tuple(runs), "and it wrote nothing"
    (job,) = here.list(kind="inventory.collect")
    assert (job.status, job.attempt) == (JobStatus.DONE, 2)


def test_a_run_that_a_person_stopped_is_left_alone(sqlite_store):
    caller, stop = Estate(), threading.Event()
    caller.go_on.set()
    stop.set()
    inventory, jobs = inventory_of(sqlite_store, caller), Jobs(sqlite_store)
    with contextlib.suppress(Interrupted):
        collect_as_job(inventory, jobs, inventory.options(), stop=stop)
    (job,) = jobs.list(kind="inventory.collect")
    assert job.status is JobStatus.INTERRUPTED
    assert resume_abandoned(inventory, jobs, job.job_id, stop=stop) is None
    assert inventory.queues() == ()
