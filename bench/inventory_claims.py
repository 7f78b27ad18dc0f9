"""Claims of a shared collection: claims per second of several processes, and what claiming adds to one process's run.

`python -m bench.inventory_claims [POSTGRESQL-URL]`; without a URL, tests/postgres.py starts a server of its own, or says
why there is none.
"""

import multiprocessing
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.postgres import start_postgres

from bench.report import report
from windlass.estate.model import RegionList, RegionSource
from windlass.inventory import run_workers, runs
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Scope
from windlass.inventory.scope_claims import ScopeClaims, fill_queue
from windlass.inventory.scope_queue import ScopeQueue
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.leases import Leases

SCOPES = 10_000
CLAIM = 64  # scopes: what a collector with 32 threads claims at a time


def claims_of(store, queue, worker):
    return ScopeClaims(
        store=store,
        leases=Leases(store),
        queue=queue,
        worker=worker,
        total=SCOPES,
        done_at_start=0,
        now=lambda: datetime.now(UTC),
    )


def drain(url, queue, worker, start, counts):
    """Claim until nothing is left, as a worker would that scans in no time."""
    with open_store(StoreConfig(url=url), migrated=False) as store:
        claims = claims_of(store, queue, worker)
        start.wait()
        began, cpu, number = time.perf_counter(), time.process_time(), 0
        while not claims.is_finished():
            scopes = claims.claim(CLAIM, frozenset()).scopes
            number += bool(scopes)
            for scope in scopes:
                claims.ended(scope)
        counts.put((number, claims.scanned, time.perf_counter() - began, time.process_time() - cpu))


def contend(url, processes):
    scopes = [Scope(f"{n % 100:012}", f"r{n // 100 % 17}", f"kind.t{n}") for n in range(SCOPES)]
    with open_store(StoreConfig(url=url)) as store:
        now = datetime.now(UTC)
        run_id = runs.begin_run(store, now=now, scopes_total=SCOPES)
        queue = ScopeQueue(run_id=run_id, job_id="", holder="", config_digest="", read_measures=False)
        began = time.perf_counter()
        store.transact(lambda connection: fill_queue(connection, queue, scopes, {}, now=now))
        filled_s = time.perf_counter() - began
        with store.write() as connection:
            for number in range(processes):
                run_workers.add_worker(connection, run_id, f"w{number}", host="h", is_leased=False, now=now)
    start, counts = multiprocessing.Event(), multiprocessing.Queue()
    children = [
        multiprocessing.Process(target=drain, args=(url, queue, f"w{number}", start, counts))
        for number in range(processes)
    ]
    for child in children:
        child.start()
    time.sleep(1.0)
    start.set()
    results = [counts.get() for _ in children]
    for child in children:
        child.join()
    claims, scanned = sum(row[0] for row in results), sum(row[1] for row in results)
    assert scanned == SCOPES, scanned
    wall_s = max(row[2] for row in results)
    cpu_ms = 1000 * sum(row[3] for row in results) / claims
    return [
        f"{processes}",
        f"{filled_s:.2f}",
        f"{claims:,}",
        f"{claims / wall_s:,.0f}",
        f"{SCOPES / wall_s:,.0f}",
        f"{cpu_ms:.2f}",
    ]


class Silent:
    """An estate of empty scopes that answers at once."""

    def __init__(self, accounts, regions):
        self._accounts, self._regions = accounts, regions

    def accounts(self):
        return [type("Account", (), {"id": account})() for account in self._accounts]

    def identity(self, account_id):
        return type("Identity", (), {"arn": f"arn:aws:iam::{account_id}:role/r"})()

    def region_list(self, _):
        return RegionList(self._regions, RegionSource.CONFIGURATION)

    def partition(self, _):
        return "aws"

    def call(self, *_, **__):
        return {}

    def pages(self, *_, **__):
        yield {}


def collect_alone(url):
    """Seconds and CPU of a run of empty scopes in one process: the scopes themselves cost next to nothing."""
    caller = Silent([f"{n:012}" for n in range(1, 4)], tuple(f"r{n}" for n in range(5)))
    with open_store(StoreConfig(url=url)) as store:
        inventory = Inventory(store, lambda: caller, InventoryConfig())
        times = []
        for _ in range(2):
            began, cpu = time.perf_counter(), time.process_time()
            run = inventory.collect(inventory.options())
            times.append((time.perf_counter() - began, time.process_time() - cpu, run.scopes_done))
    return min(times)


def main():
    server = None
    urls = {"SQLite": f"sqlite:///{Path(tempfile.mkdtemp())}/bench.db"}
    if len(sys.argv) > 1 and sys.argv[1].startswith("postgresql"):
        urls["PostgreSQL"] = sys.argv[1]
    else:
        server = start_postgres(None)
        if isinstance(server, str):
            print(server)
        else:
            urls["PostgreSQL"] = server.url
    rows = [["store", "processes", "fill s", "claims", "claims/s", "scopes/s", "CPU ms/claim"]]
    alone = [["store", "scopes", "s", "CPU s", "CPU ms/scope"]]
    try:
        for name, url in urls.items():
            for processes in (1, 2, 4):
                rows.append([name, *contend(url, processes)])
            wall_s, cpu_s, scopes = collect_alone(url)
            alone.append([name, f"{scopes:,}", f"{wall_s:.2f}", f"{cpu_s:.2f}", f"{1000 * cpu_s / scopes:.2f}"])
    finally:
        if server is not None and not isinstance(server, str):
            server.stop()
    report("inventory_claims", rows)
    report("inventory_collect_alone", alone)


if __name__ == "__main__":
    main()
