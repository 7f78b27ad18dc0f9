"""One result: whatever a seed's numbers are, its state, line, exit code and report agree, and what is missing is named."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from windlass.replication.model import BucketRef, FailureGroup, Method, Operation, Pair, SeedState
from windlass.replication.seed.checkpoint import BatchCheckpoint
from windlass.replication.seed.outcome import SeedOutcome, incomplete_error
from windlass.replication.seed.task import SeedTask

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEED = SeedTask(
    seed_id="s",
    job_id="j",
    set_name="",
    pair=Pair(source=BucketRef(bucket="a"), destination=BucketRef(bucket="b")),
    method=Method.BATCH,
    operation=Operation.REPLICATE,
    why="",
    state=SeedState.COPYING,
    total=68,
    done=68,
    created_at=NOW,
    updated_at=NOW,
    checkpoint=BatchCheckpoint(status="Complete"),
)
counts = st.integers(0, 3)
seeds = st.builds(
    lambda failed, missing, different, unknown, error: replace(
        SEED,
        failed=failed,
        done=68 - failed,
        verified={"error": "refused"}
        if error
        else {
            "missing": missing,
            "different": different,
            "unknown": unknown,
            "extra": 0,
            "examples": {
                kind: [f"{kind}-{at}" for at in range(number)]
                for kind, number in (("missing", missing), ("different", different), ("unknown", unknown))
                if number
            },
        },
    ),
    counts,
    counts,
    counts,
    counts,
    st.booleans(),
)


def failures_of(seed):
    return [FailureGroup(code="AccessDenied", count=seed.failed, keys=("k",))] if seed.failed else []


@given(seeds, st.booleans(), st.sampled_from(["Complete", "Failed", "Cancelled"]))
def test_state_line_exit_code_and_report_agree(seed, strict, status):
    ended = replace(seed, state=SeedOutcome(seed).state_after(status, strict=strict))
    outcome = SeedOutcome(ended, failures_of(ended))
    error = incomplete_error([outcome], "hint")
    assert (error is not None) == (ended.state is not SeedState.DONE)
    assert ("State: Complete" in outcome.line) == (error is None)
    if error is not None:
        assert outcome.reason in error.message
    if ended.state is SeedState.INCOMPLETE:
        assert outcome.shortfalls(), "exit 1, and a report that says nothing"
        assert outcome.reason not in ("", str(SeedState.INCOMPLETE))
    if ended.state is SeedState.DONE:
        assert "Missing" not in outcome.line
        assert "Different" not in outcome.line
        assert {shortfall.code for shortfall in outcome.shortfalls()} <= {"NotVerified"}


@given(seeds)
def test_no_object_is_counted_twice_and_none_is_left_out(seed):
    outcome = SeedOutcome(seed, failures_of(seed))
    verified = seed.verified
    total = sum(shortfall.count for shortfall in outcome.shortfalls())
    if "error" in verified:
        assert total == seed.failed + 1
    else:
        assert total == max(seed.failed, verified["missing"]) + verified["different"] + verified["unknown"]


def test_the_object_that_lacks_is_named_everywhere():
    """As it was seen: Total 68, Success 68, Failed 0, and "1 of 1 are not complete"."""
    seed = replace(SEED, verified={"missing": 1, "different": 0, "unknown": 0, "examples": {"missing": ["2026/x.txt"]}})
    seed = replace(seed, state=SeedOutcome(seed).state_after("Complete"))
    assert SeedOutcome(seed).line == "State: Incomplete, Total: 68, Success: 68, Failed 0, Missing 1 (2026/x.txt)"
    error = incomplete_error([SeedOutcome(seed)], "hint")
    assert error is not None
    assert error.message == "1 of 1 seeds is not complete: a → b: missing 1 (2026/x.txt)"
    (one,) = SeedOutcome(seed).shortfalls()
    assert (one.code, one.count, one.keys) == ("DstObjectMissing", 1, ("2026/x.txt",))
