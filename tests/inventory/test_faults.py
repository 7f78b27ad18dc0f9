"""Random faults at any call of whole runs: no false deletion, nothing under a wrong account, nothing lost that was listed."""

import os
import shutil
import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.inventory.fake import NOW
from tests.inventory.hostile import run_world
from windlass.inventory import runs, unread_details, writer
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.collector import Collector
from windlass.inventory.model import GLOBAL
from windlass.inventory.plan import plan_scopes
from windlass.inventory.tables import resource
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

WORLDS = int(os.environ.get("WINDLASS_FAULT_WORLDS", "3334"))  # of three runs each

TYPES = {"sqs.queue": "sqs", "dynamodb.table": "dynamodb", "ec2.vpc": "ec2", "iam.role": "iam", "sns.topic": "sns"}


class Check:
    """Applies the results of runs to a store, and compares the store with the world after each."""

    def __init__(self, store):
        self.store = store
        self.now = NOW
        self.false_deletions = self.wrong_accounts = self.lost = self.complete = self.incomplete = 0

    def collect(self, caller):
        kinds = [BY_NAME[name] for name in TYPES]
        regions = {account.id: caller.regions(account.id) for account in caller.accounts()}
        results = []
        collector = Collector(
            caller=caller,
            types=BY_NAME,
            salt=b"salt",
            now=lambda: self.now,
            concurrency=4,
            read_times=lambda scope: unread_details.detail_read_times(self.store, scope),
        )
        assert collector.run(plan_scopes(kinds, regions), sink=results.append)
        return results

    def apply(self, number, existed, results, world):
        self.now += timedelta(hours=1)
        run_id = runs.begin_run(self.store, now=self.now, scopes_total=len(results))
        before = self.live()
        for result in results:
            writer.write_result(self.store, run_id, result)
        after = self.live()
        for result in results:
            self.compare(result, existed, before, after, world)
        assert all(result.state.complete for result in results) or number, "a world without faults is read completely"

    def live(self):
        columns = (
            resource.c.account_id,
            resource.c.scope_region,
            resource.c.type,
            resource.c.resource_id,
            resource.c.arn,
        )
        with self.store.read() as connection:
            rows = connection.execute(select(*columns).where(resource.c.deleted_at.is_(None))).all()
        live = {}
        for row in rows:
            live.setdefault(tuple(row[:3]), {})[row.resource_id] = row.arn
        return live

    def compare(self, result, existed, before, after, world):
        of = result.scope
        region = "us-east-1" if of.region == GLOBAL else of.region
        key = (of.account_id, region, TYPES[of.type])
        names, was = (
            after.get((of.account_id, of.region, of.type), {}),
            before.get((of.account_id, of.region, of.type), {}),
        )
        still = world.names[key]  # what existed through all of the run
        self.false_deletions += len({name for name in was if name in still} - set(names))
        self.wrong_accounts += sum(name not in world.ever[key] for name in names)
        self.wrong_accounts += sum(bool(arn) and f":{of.account_id}:" not in arn for arn in names.values())
        if result.state.complete:
            self.complete += 1
            self.lost += len((existed[key] & still) - set(names))
        else:
            self.incomplete += 1
            self.lost += len(set(was) - set(names))


def check_worlds(store_of, seeds):
    counts = {"runs": 0, "false deletions": 0, "wrong accounts": 0, "lost": 0, "complete": 0, "incomplete": 0}
    for seed in seeds:
        check = Check(store_of(seed))
        try:
            run_world(seed, check.apply, check.collect, runs=3)
        finally:
            check.store.close()
        counts["runs"] += 3
        counts["false deletions"] += check.false_deletions
        counts["wrong accounts"] += check.wrong_accounts
        counts["lost"] += check.lost
        counts["complete"] += check.complete
        counts["incomplete"] += check.incomplete
    return counts


def truthful(counts):
    return (counts["false deletions"], counts["wrong accounts"], counts["lost"]) == (0, 0, 0)


@pytest.fixture
def store_of(migrated_file, tmp_path):
    def make(seed):
        file = tmp_path / "windlass.db"
        for old in tmp_path.glob("windlass.db*"):
            old.unlink()
        shutil.copy(migrated_file, file)
        return open_store(StoreConfig(url=f"sqlite:///{file}"))

    return make


def test_under_random_faults_the_inventory_never_lies(store_of):
    counts = check_worlds(store_of, range(3))
    assert truthful(counts), counts
    assert counts["complete"] > 0 < counts["incomplete"]


PARTS = 8
"""The ten thousand are cut into parts, so that workers share them."""


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_under_ten_thousand_random_fault_runs_the_inventory_never_lies(store_of, capsys, part):
    started = time.process_time()
    counts = check_worlds(store_of, range(part, WORLDS, PARTS))
    with capsys.disabled():
        print(f"\npart {part} of {PARTS}: {counts}, {time.process_time() - started:.0f} s of CPU")
    assert truthful(counts), counts
