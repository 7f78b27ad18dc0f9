"""A role that S3 does not know yet: its batch job is repeated for as long as the role is new, and no other job is."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from windlass.core.clock import parse_time
from windlass.core.errors import PartialFailure
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.batch.failure import failed_before_role_was_visible
from windlass.replication.model import BatchJob, Method, Operation, SeedState
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed import job as seeding
from windlass.replication.seed.checkpoint import BatchCheckpoint
from windlass.replication.seed.runner import Callbacks
from windlass.replication.service import PairSelection

DENIED = BatchJob(
    job_id="j", account_id="1" * 12, region="eu-west-1", status="Failed", reasons=("AccessDenied: cannot be assumed",)
)
NEW_ROLE = BatchCheckpoint(
    role_changed_at=parse_time("2026-01-01T00:00:00Z"), requested_at=parse_time("2026-01-01T00:00:20Z")
)


@pytest.fixture
def iam_lag(seed_aws):
    """Set for how long S3 does not see a change of IAM."""
    faults = seed_aws.gateway.faults
    yield lambda latency_ms: faults.load([{"kind": "eventual_consistency", "latency_ms": latency_ms}], random_seed=1)
    faults.load([])


def copied(app, source, target, hooks=None, **request):
    asked = SeedRequest(operation=Operation.COPY, method=Method.BATCH, **request)
    plans = app.replication.plan(app.replication.pairs(PairSelection(source=source, destination=target)), asked)
    (seed,) = seeding.run(app.replication, app.jobs, seeding.begin(app.replication, app.jobs, plans, asked), hooks)
    return seed


@pytest.mark.parametrize("versions", [False, True])
def test_a_job_that_failed_before_its_role_was_visible_is_repeated(seed_app, buckets_of, iam_lag, versions):
    """The same manifest, another job; the log says which job failed and why. With versions, the first of two jobs."""
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=3, versioned=versions)
    if versions:
        buckets.fill(source, 3)
    iam_lag(600_000)

    def end_lag(seeds):
        if any(batch.describe(app.estate, *job).status == "Failed" for seed in seeds for job in seed.jobs):
            iam_lag(1)

    with capture_logs() as logs:
        seed = copied(app, source, target, Callbacks(show=end_lag), versions=versions)
    assert seed.state is SeedState.DONE, seed
    assert (seed.total, seed.done, seed.failed) == (6, 6, 0) if versions else (3, 3, 0)
    assert len(seed.jobs) == (2 if versions else 1)
    (repeated,) = [entry for entry in logs if entry["event"] == "seed.job_repeated"]
    assert "AccessDenied" in repeated["error"]
    states = sorted(job.status for job in batch.list_jobs(app.estate, *seed.jobs[0][:2]).values())
    assert states == ["Complete"] * len(seed.jobs) + ["Failed"]
    assert repeated["job"] not in {job_id for _, _, job_id in seed.jobs}


def test_a_role_that_stays_unknown_fails_the_seed(seed_app, buckets_of, iam_lag):
    """A job requested later than `role_propagation_s` after the role's change is not repeated."""
    app = seed_app(**{"replication.role_propagation_s": 2.0})
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=1, versioned=False)
    iam_lag(600_000)
    with pytest.raises(PartialFailure, match="AccessDenied"):
        copied(app, source, target)
    (seed,) = app.replication.seeds()
    assert seed.state is SeedState.FAILED
    assert len(batch.list_jobs(app.estate, *seed.jobs[0][:2])) == 2


@pytest.mark.parametrize(
    ("changes", "checkpoint"),
    [
        ({"status": "Cancelled"}, NEW_ROLE),
        ({"total": 3, "failed": 3}, NEW_ROLE),
        ({"reasons": ("ManifestETagMismatch: the manifest was replaced",)}, NEW_ROLE),
        ({"reasons": ()}, NEW_ROLE),
        ({}, BatchCheckpoint()),
        ({}, replace(NEW_ROLE, role_changed_at=None)),
        ({}, replace(NEW_ROLE, requested_at=parse_time("2026-01-01T00:02:00Z"))),
    ],
)
def test_no_other_failure_is_repeated(changes, checkpoint):
    from dataclasses import replace

    assert failed_before_role_was_visible(DENIED, NEW_ROLE, 60)
    assert not failed_before_role_was_visible(replace(DENIED, **changes), checkpoint, 60)
