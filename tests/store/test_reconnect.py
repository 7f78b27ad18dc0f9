"""A PostgreSQL server that restarts under work: the work waits and goes on, readers are told at once, nothing is done twice."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.inventory.fake import FakeCaller
from tests.postgres import start_postgres
from windlass.core.errors import StoreError
from windlass.inventory.collection_job import collect_as_job
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs
from windlass.queues.idempotency import StoreLedger
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.failures import CONNECTION_LOST
from windlass.store.leases import table

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server():
    """A server of this file's own, to be stopped and started."""
    started = start_postgres(None)
    if isinstance(started, str):
        pytest.skip(started)
    yield started
    started.stop()


@pytest.fixture
def store(server):
    with open_store(StoreConfig(url=server.url)) as opened:
        yield opened


def meanwhile(work):
    """`work` on a thread; what it returned or raised, once joined."""
    outcome = []

    def run():
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def test_readers_fail_at_once_during_a_restart_and_work_again_afterwards(server, store):
    server.go_down()
    for ask in (store.read, store.write):
        with pytest.raises(StoreError) as raised, ask() as connection:
            connection.execute(text("SELECT 1"))
        assert raised.value.code == CONNECTION_LOST
    server.come_back()
    with store.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


def test_a_transaction_that_is_cut_off_is_done_again_from_its_beginning(server, store):
    """Sessions end in the middle, as they do when a server is restarted."""
    attempts, prefix = [], "patient"
    insert = text("INSERT INTO meta (name, value) VALUES (:name, 'x')")

    def work(connection):
        attempts.append(1)
        connection.execute(insert, {"name": f"{prefix} first"})
        if len(attempts) == 1:
            server.go_down()
            server.come_back()
        connection.execute(insert, {"name": f"{prefix} second"})
        return "written"

    assert store.patient().transact(work) == "written"
    assert len(attempts) == 2
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta WHERE value = 'x'")).scalar() == 2
    attempts, prefix = [], "impatient"
    with pytest.raises(StoreError) as raised:
        store.transact(work)
    assert (raised.value.code, len(attempts)) == (CONNECTION_LOST, 1), "what is not long work is told"


def test_errors_that_waiting_does_not_mend_are_not_waited_for(store):
    with pytest.raises(StoreError) as raised:
        store.patient().transact(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    assert raised.value.code == ""


def test_the_ledger_of_a_consumer_waits_for_the_server(server, store):
    ledger = StoreLedger(store.patient(), busy_s=60, window_s=60)
    now = datetime.now(UTC)
    server.go_down()
    thread, outcome = meanwhile(lambda: ledger.begin("message", "token", now))
    thread.join(1.0)
    assert thread.is_alive(), "it waits"
    server.come_back()
    thread.join(30)
    assert "Begun" in repr(outcome[0])


@pytest.mark.parametrize("away_s", [1.0, pytest.param(30.0, marks=pytest.mark.slow)])
def test_a_collection_survives_a_restart(server, store, away_s):
    """The run goes on under the same job: each scope once, none failed."""
    request, go_on = threading.Event(), threading.Event()
    world = "ab"[away_s > 1]  # the second run of one estate would begin with what took long in the first

    def slowly(account_id, region, params):
        if region == f"{world}10":
            request.set()
        if int(region[1:]) > 10:
            go_on.wait(60)
        return {"Vpcs": [{"VpcId": f"vpc-{region}"}]}

    caller = FakeCaller(
        {("ec2", "DescribeVpcs"): slowly}, region_names=tuple(f"{world}{number}" for number in range(40))
    )
    jobs = Jobs(store)
    inventory = Inventory(store, lambda: caller, InventoryConfig(concurrency=2))
    thread, outcome = meanwhile(lambda: collect_as_job(inventory, jobs, inventory.options(types=("ec2.vpc",))))
    assert request.wait(30)
    server.go_down()
    go_on.set()
    time.sleep(away_s)
    server.come_back()
    thread.join(60)
    (run,) = outcome
    assert (run.status, run.scopes_done, run.scopes_total, run.resources) == ("done", 40, 40, 40), run
    job = jobs.get(run.job_id)
    assert (job.status, job.attempt, job.done) == (JobStatus.DONE, 1, 40)


def test_a_job_whose_server_stays_away_continues_later(server):
    """Its process could not write how it ended: the lease ends, and the next runner has the last checkpoint."""
    with open_store(StoreConfig(url=server.url, reconnect_s=0.5)) as store:
        jobs = Jobs(store)
        with pytest.raises(StoreError), jobs.run_new("backfill", "backfill") as running:
            running.report(checkpoint={"next": 5})
            server.go_down()
            running.report(checkpoint={"next": 6})
        server.come_back()
        assert jobs.get(running.job_id).status is JobStatus.RUNNING
        with store.write() as connection:
            row = table.lock_lease(connection, f"job/{running.job_id}")
            table.put_lease(connection, replace(row, expires_at=row.expires_at - timedelta(minutes=1)))
        assert jobs.get(running.job_id).status is JobStatus.INTERRUPTED
        with jobs.run(running.job_id) as again:
            assert again.checkpoint == {"next": 5}
