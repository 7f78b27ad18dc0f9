"""Seeds in the store, on both databases: what is written comes back, and is found by what people know of it."""

from dataclasses import replace
from datetime import timedelta

from windlass.core import clock
from windlass.replication.config import ReplicationConfig
from windlass.replication.model import BucketRef, FailureGroup, ManifestRef, Method, Operation, Pair, SeedState
from windlass.replication.seed.checkpoint import BatchCheckpoint
from windlass.replication.seed.task import SeedTask
from windlass.replication.service import Replication

MANIFEST = ManifestRef("b", "m.csv", "etag", versions=True, storage_class="STANDARD_IA")


def no_estate():
    raise AssertionError("AWS is not asked")


def seed(number, **changes):
    now = clock.now()
    pair = Pair(
        source=BucketRef(bucket=f"logs-{number}", account_id="1", region="us-east-1"),
        destination=BucketRef(bucket="replica", region="eu-west-1"),
        prefix="é/",
    )
    return (
        SeedTask(
            seed_id=f"seed_{number}",
            job_id="job_1",
            set_name="dr",
            pair=pair,
            method=Method.BATCH,
            operation=Operation.COPY,
            why="because",
            state=SeedState.COPYING,
            jobs=(("1", "eu-west-1", f"batch-{number}"),),
            total=2**40,
            size_bytes=2**60,
            checkpoint=BatchCheckpoint(
                cutoff_at=now, jobs_created=1, manifests=(MANIFEST,), retry_of=(("1", "r", "j"),)
            ),
            verified={"missing": 1},
            created_at=now,
            started_at=now,
            updated_at=now,
        )
        if not changes
        else replace(seed(number), **changes)
    )


def test_a_seed_comes_back_as_it_was(store):
    replication = Replication(no_estate, lambda: store, ReplicationConfig())
    before = replication.etag()
    saved = replication.save(seed(1), done=5)
    (result,) = replication.select("seed_1")
    assert result.pair == saved.pair
    assert (result.done, result.total, result.size_bytes, result.jobs) == (5, 2**40, 2**60, saved.jobs)
    assert result.checkpoint == saved.checkpoint
    assert result.checkpoint.manifests == (MANIFEST,)
    assert replication.etag() != before
    ended = replication.save(result, state=SeedState.DONE)
    assert ended.finished_at is not None
    assert replication.seeds(states=[SeedState.COPYING]) == []


def test_seeds_are_found_by_what_people_know(store):
    replication = Replication(no_estate, lambda: store, ReplicationConfig())
    for number in (1, 2):
        replication.save(seed(number))
    again = replication.save(replace(seed(1), seed_id="seed_3", created_at=clock.now() + timedelta(seconds=1)))
    assert {entry.seed_id for entry in replication.select("dr")} == {"seed_3", "seed_2"}  # the last of each pair
    assert [entry.seed_id for entry in replication.select("logs-1")] == [again.seed_id]
    assert [entry.seed_id for entry in replication.select("batch-2")] == ["seed_2"]
    assert len(replication.select("job_1")) == 3
    assert replication.last_started("dr") == again.created_at
    assert replication.last_started("none") is None


def test_failures_replace_each_other(store):
    replication = Replication(no_estate, lambda: store, ReplicationConfig())
    one = replication.save(seed(1))
    replication.save_failures(
        one, [FailureGroup(code="A", count=1), FailureGroup(code="B", count=9, message="m\0", keys=("k\0", "é"))]
    )
    result = replication.failures([one])["seed_1"]
    assert [(each.code, each.count) for each in result] == [("B", 9), ("A", 1)]
    assert "é" in result[0].keys
    replication.save_failures(one, [FailureGroup(code="C", count=2)])
    assert [each.code for each in replication.failures([one])["seed_1"]] == ["C"]


def test_old_seeds_are_forgotten_and_running_ones_are_not(store):
    replication = Replication(no_estate, lambda: store, ReplicationConfig())
    old = replication.save(seed(1), state=SeedState.DONE, finished_at=clock.now() - timedelta(days=100))
    replication.save_failures(old, [FailureGroup(code="A", count=1)])
    replication.save(replace(seed(2), created_at=clock.now() - timedelta(days=100)))
    assert replication.forget(older_s=90 * 86_400) == 1
    assert [entry.seed_id for entry in replication.seeds()] == ["seed_2"]
    assert replication.failures([old]) == {}
