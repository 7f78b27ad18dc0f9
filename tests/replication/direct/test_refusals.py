"""A permission that is gone ends a seed after a few hundred requests; nothing is lost, and a resumed seed copies the rest."""

import subprocess
import sys
import threading

import pytest

from tests.replication.direct.local import copy_pair
from windlass.core.errors import AccessDenied
from windlass.replication.direct.copying.failures import MOST_REFUSALS, Refusals
from windlass.replication.direct.run import SeedLimits

OBJECTS = 3000


def seed(engine, pair, tell=lambda _: None, **more):
    return copy_pair(engine, pair, seed_id="s", versions=False, stop=threading.Event(), on_progress=tell, **more)


def refuse(aws, code):
    aws.faults([{"kind": "error", "service": "s3", "operation": "CopyObject", "status": 403, "code": code}])


@pytest.mark.parametrize("code", ["AccessDenied", "SignatureDoesNotMatch", "KMS.DisabledException"])
def test_a_permission_revoked_in_mid_run_stops_the_seed_and_a_resumed_one_copies_the_rest(aws, tmp_path, code):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at % 4}/{at:04}" for at in range(OBJECTS)])
    revoked = threading.Event()

    def revoke(moved):
        if moved.copied and not revoked.is_set():
            revoked.set()
            refuse(aws, code)
            aws.forget_calls()

    limits = SeedLimits(connections=32, start_per_s=100.0, most_per_s=2000.0)
    with pytest.raises(AccessDenied, match="500 consecutive objects were refused") as stopped:
        seed(aws.engine(tmp_path, limits=limits), pair, revoke)
    assert "resume" in stopped.value.hint
    # Some codes are asked about once more, with renewed keys.
    assert len(aws.calls(operation="CopyObject")) <= 2 * (MOST_REFUSALS + 3 * limits.connections)
    aws.faults([])
    moved = seed(aws.engine(tmp_path), pair)
    assert (moved.total, moved.copied, moved.failed) == (OBJECTS, OBJECTS, 0), moved.failures
    assert aws.listed(pair.destination) == aws.listed(pair.source)


def test_a_success_sent_before_a_refusal_does_not_make_it_a_failure():
    refusals = Refusals[str](in_flight=3)
    refusals.add("a")
    assert [refusals.succeeded() for _ in range(4)] == [[], [], [], ["a"]]
    refusals.add("b")
    refusals.succeeded()
    refusals.add("c")
    assert [refusals.succeeded() for _ in range(4)] == [[], [], ["b"], ["c"]]
    assert not refusals


def test_as_many_refusals_in_a_row_as_allowed_stop_the_seed_though_an_earlier_one_is_held():
    refusals = Refusals[int]()
    refusals.add(0)
    refusals.succeeded()
    assert [refusals.add(number) for number in range(MOST_REFUSALS)].index(True) == MOST_REFUSALS - 1
    assert len(refusals) == MOST_REFUSALS + 1


def test_a_refusal_before_the_last_successes_is_a_failure_and_the_seed_ends(aws, tmp_path):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(40)])
    aws.faults(
        [
            {
                "kind": "error",
                "service": "s3",
                "operation": "CopyObject",
                "status": 403,
                "code": "KMS.DisabledException",
                "path": "*0000",
            }
        ]
    )
    moved = seed(aws.engine(tmp_path, limits=SeedLimits(connections=1, start_per_s=10_000.0)), pair)
    assert (moved.total, moved.copied, moved.failed) == (40, 39, 1)


def test_versions_refused_in_mid_run_are_copied_by_a_resumed_seed(aws, tmp_path):
    pair = aws.pair(versioned=True)
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(1500)])
    revoked = threading.Event()

    def revoke(moved):
        if moved.copied and not revoked.is_set():
            revoked.set()
            refuse(aws, "AccessDenied")

    def run(tell):
        limits = SeedLimits(connections=16, start_per_s=100.0, most_per_s=2000.0)
        engine = aws.engine(tmp_path, limits=limits)
        return copy_pair(engine, pair, seed_id="v", versions=True, stop=threading.Event(), on_progress=tell)

    with pytest.raises(AccessDenied, match="500 consecutive objects"):
        run(revoke)
    aws.faults([])
    moved = run(lambda _: None)
    assert (moved.total, moved.copied, moved.failed) == (1500, 1500, 0), moved.failures
    assert aws.listed(pair.destination) == aws.listed(pair.source)


def test_a_few_refused_objects_are_failures_of_their_own(aws, tmp_path):
    """Though they are all that there is, and though they are the last."""
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(40)])
    refuse(aws, "AccessDenied")
    moved = seed(aws.engine(tmp_path), pair)
    assert (moved.total, moved.copied, moved.failed) == (40, 0, 40)


def test_versions_stop_as_objects_do(aws, tmp_path):
    pair = aws.pair(versioned=True)
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(1500)])
    refuse(aws, "AccessDenied")
    aws.forget_calls()
    with pytest.raises(AccessDenied, match="500 consecutive objects"):
        copy_pair(
            aws.engine(tmp_path, limits=SeedLimits(connections=16, start_per_s=10_000.0)),
            pair,
            seed_id="v",
            versions=True,
            stop=threading.Event(),
            on_progress=lambda _: None,
        )
    assert len(aws.calls(operation="CopyObject")) <= MOST_REFUSALS + 200


FULL = """
import resource, signal, sys
from pathlib import Path
from windlass.replication.direct.copying.journal import Journal
from windlass.replication.direct.listing.ranges import Range
from windlass.wire.listing import Listed
from windlass.core.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
try:
    with Journal(folder) as journal:
        journal.begin([Range(0, "", None)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        for at in range(100):
            rows = [Listed(f"{at}/{number * 7919:x}", 1, f"{number * 104729:032x}", "t", "STANDARD") for number in range(99)]
            number = journal.block(0, f"{at:03}", rows, skipped=0)
except StoreError as error:
    print(error.message, "|", error.hint)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with Journal(folder) as journal:
    print(journal.ledger.ranges[0].after, sorted(journal.ledger.blocks) == list(range(len(journal.ledger.blocks))))
"""


def test_a_full_disk_is_reported_with_file_and_remedy_and_loses_nothing_written(tmp_path):
    """A limit on the size of files stands for the full disk: both are an OSError of write."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "j")], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    message, opened = done.stdout.splitlines()
    assert f"the journal {tmp_path / 'j'}" in message
    assert "cannot be written" in message
    assert "journals" in message
    assert "resume" in message
    assert opened.endswith("True")
