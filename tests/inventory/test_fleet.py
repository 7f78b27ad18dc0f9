"""Several processes share a collection: every scope once in effect, whoever is killed, stopped or suspended meanwhile."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.inventory.fleet_process import inventory_of
from windlass.inventory.run_workers import run_worker
from windlass.inventory.scope_queue import scope_batch, scope_queue
from windlass.inventory.tables import address, relation, resource, revision, run, scope
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.leases.table import lease

ROOT = Path(__file__).parents[2]
SCOPES = 3 * 8 * 5


class Fleet:
    """Processes that share a store; they are killed at the end of the block."""

    def __init__(self, url, folder):
        self.url, self.folder, self.processes = url, folder, []
        self.store = open_store(StoreConfig(url=url))

    def start(self, role, *, version=2, latency_s=0.2):
        log = (self.folder / f"{role}-{uuid.uuid4().hex[:6]}.log").open("wb")
        command = [sys.executable, "-m", "tests.inventory.fleet_process", self.url, role, str(version), str(latency_s)]
        with log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": "."})
        process.log = Path(log.name)
        self.processes.append(process)
        return process

    def until(self, look, within_s=120):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with self.store.read() as connection:
                seen = look(connection)
            if seen:
                return seen
            time.sleep(0.05)
        raise AssertionError(
            "\n".join(f"{process.args} {process.log.read_text()[-1500:]}" for process in self.processes)
        )

    def claimed_by(self, process):
        """Whether the process holds claims of the run now."""
        return lambda connection: connection.execute(
            select(scope_batch.c.worker)
            .join(run_worker, run_worker.c.worker == scope_batch.c.worker)
            .where(run_worker.c.host.like(f"%(pid {process.pid})"))
        ).first()

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
        self.store.close()


@contextlib.contextmanager
def fleet_on(url, folder):
    fleet = Fleet(url, folder)
    try:
        yield fleet
    finally:
        fleet.end()


def collected_once(store, *versions):
    """What one process makes of the estate's versions, one after another."""
    for version in versions:
        inventory = inventory_of(store, version, 0.0)
        inventory.collect(inventory.options())


def snapshot(store):
    """All that a collection wrote, without times and numbers of rows."""
    with store.read() as connection:
        rows = {row.id: row for row in connection.execute(select(resource))}
        revisions = [
            (rows[row.resource_row_id].key, row.change, row.patch, row.keyframe, row.name, row.valid_to is None)
            for row in connection.execute(select(revision).order_by(revision.c.resource_row_id, revision.c.valid_from))
        ]
        return {
            "resources": sorted(
                (row.key, row.type, row.document, row.digest, row.revisions, row.deleted_at is None)
                for row in rows.values()
            ),
            "revisions": sorted(revisions, key=lambda row: row[0]),
            "relations": sorted(
                (rows[row.source_row_id].key, row.kind, row.target, row.valid_to is None)
                for row in connection.execute(select(relation))
            ),
            "addresses": connection.execute(select(address.c.address)).all(),
            "scopes": sorted(
                (row.account_id, row.region, row.type, row.state, row.resources)
                for row in connection.execute(select(scope))
            ),
        }


def check_run(fleet, tmp_path, *, workers):
    """The fleet's run is complete, counts each scope once, and wrote what one process writes."""
    with open_store(StoreConfig(url=f"sqlite:///{tmp_path}/alone.db")) as alone:
        collected_once(alone, 1, 2)
        expected = snapshot(alone)
        with alone.read() as connection:
            reference = connection.execute(select(run).order_by(run.c.started_at.desc())).first()
    actual = snapshot(fleet.store)
    for part, rows in expected.items():
        assert actual[part] == rows, part
    with fleet.store.read() as connection:
        last = connection.execute(select(run).order_by(run.c.started_at.desc())).first()
        assert connection.execute(select(scope_queue)).all() == []
        assert connection.execute(select(scope_batch)).all() == []
        rows = connection.execute(select(run_worker).where(run_worker.c.run_id == last.run_id)).all()
    for name in ("status", "scopes_total", "scopes_done", "resources", "created", "updated", "deleted", "errors"):
        assert getattr(last, name) == getattr(reference, name), name
    assert (last.scopes_done, sum(row.scopes_done for row in rows)) == (SCOPES, SCOPES)
    assert len([row for row in rows if row.scopes_done]) >= workers, rows
    return rows


def begun(fleet, more_than):
    return fleet.until(lambda connection: connection.execute(text(_DONE)).scalar() > more_than)


_DONE = "SELECT coalesce(sum(scopes_done), 0) FROM run_worker WHERE run_id = (SELECT max(run_id) FROM run)"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_four_processes_share_a_run_while_one_is_killed_and_one_stopped(store_url, tmp_path):
    with fleet_on(store_url, tmp_path) as fleet:
        collected_once(fleet.store, 1)
        workers = [fleet.start("work") for _ in range(3)]
        fleet.until(lambda _: all(b"ready" in entry.log.read_bytes() for entry in workers))
        coordinator = fleet.start("collect")
        for worker in workers[:2]:
            fleet.until(fleet.claimed_by(worker))
        workers[0].kill()
        workers[1].send_signal(signal.SIGTERM)
        assert workers[1].wait(60) == 0, workers[1].log.read_text()
        with fleet.store.read() as connection:
            assert not fleet.claimed_by(workers[1])(connection), "a worker that stops gives its claims back"
        assert coordinator.wait(120) == 0, coordinator.log.read_text()
        rows = check_run(fleet, tmp_path, workers=2)
        states = {row.host.rpartition("pid ")[2].rstrip(")"): row.state for row in rows}
        assert states[str(workers[0].pid)] == "lost"
        assert states[str(workers[1].pid)] == "left"
        with fleet.store.read() as connection:
            names = connection.execute(select(lease.c.name).where(lease.c.name.like("inventory.worker/%"))).all()
        assert names == [], "leases of workers are deleted with them"


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(3))
def test_killed_suspended_and_late_processes_change_nothing(postgres_url, tmp_path, number):
    """The coordinator is killed, a worker is suspended until its lease is over and comes back, another is killed."""
    url = _database(postgres_url)
    with fleet_on(url, tmp_path) as fleet:
        collected_once(fleet.store, 1)
        workers = [fleet.start("work", latency_s=0.5) for _ in range(3)]
        fleet.until(lambda _: all(b"ready" in entry.log.read_bytes() for entry in workers))
        coordinator = fleet.start("collect", latency_s=0.5)
        for worker in workers:
            fleet.until(fleet.claimed_by(worker))
        time.sleep(0.3 * number)
        workers[0].send_signal(signal.SIGSTOP)
        suspended_s = time.monotonic()
        coordinator.kill()
        time.sleep(0.3 * number)
        workers[1].kill()
        # The last worker sees at once that the processes of its machine are gone; the suspended one has its lease.
        fleet.until(lambda connection: not fleet.claimed_by(workers[0])(connection))
        freed_s = time.monotonic() - suspended_s
        assert freed_s < 60, f"the scopes of a suspended worker were free after {freed_s:.0f} s"
        if number:  # it comes back while its scopes are scanned by another, or after the run
            workers[0].send_signal(signal.SIGCONT)
        fleet.until(lambda connection: connection.execute(_ENDED).first())
        workers[0].send_signal(signal.SIGCONT)
        time.sleep(2)
        for worker in (workers[0], workers[2]):
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(60) == 0, worker.log.read_text()
        rows = check_run(fleet, tmp_path, workers=2)
        print(f"freed after {freed_s:.1f} s:", [(row.host, row.state, row.scopes_done) for row in rows])


_ENDED = text("SELECT 1 FROM run WHERE run_id = (SELECT max(run_id) FROM run) AND finished_at IS NOT NULL")


def _database(server):
    import psycopg

    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rsplit("/", 1)[0] + f"/{name}"


def test_a_worker_leaves_a_run_that_is_stopped_and_writes_nothing_more(store_url, tmp_path):
    with fleet_on(store_url, tmp_path) as fleet:
        worker = fleet.start("work", latency_s=0.3)
        fleet.until(lambda _: b"ready" in worker.log.read_bytes())
        coordinator = fleet.start("collect", latency_s=0.3)
        fleet.until(fleet.claimed_by(worker))
        coordinator.send_signal(signal.SIGTERM)
        coordinator.wait(60)
        fleet.until(lambda _: b'"end": "closed"' in worker.log.read_bytes())
        with fleet.store.read() as connection:
            last = connection.execute(select(run)).one()
            total = connection.execute(text(_DONE)).scalar()
            assert connection.execute(select(scope_batch)).all() == []
        assert (last.status, last.scopes_done) == ("interrupted", total)
        assert total < SCOPES
