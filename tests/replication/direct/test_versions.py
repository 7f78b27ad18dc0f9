"""Direct seeds of versions on the embedded AWS: each key's history in order, once, whatever was there or goes wrong."""

import threading

import pytest

from tests.replication.direct.local import copy_pair
from windlass.core.errors import Conflict, Interrupted
from windlass.replication.direct.run import SeedLimits

HISTORIES = {
    "one": [b"1"],
    "three": [b"1", b"22", b"333"],
    "same again": [b"a", b"a", b"b", b"a"],
    "deleted": [b"1", None],
    "deleted and back": [b"1", None, b"2"],
    "deleted twice": [b"1", None, None],
    "never there": [None],
    "odd é+%/\n💥": [b"x", None, b"y"],
    "threefold": [b"1"] * 3,
    "thr": [b"t"],
}


def seed(engine, pair, *, stop=None, tell=lambda _: None, **more):
    return copy_pair(engine, pair, seed_id="s", versions=True, stop=stop or threading.Event(), on_progress=tell, **more)


def filled(aws, histories=HISTORIES):
    pair = aws.pair(versioned=True)
    for key, bodies in histories.items():
        aws.make(pair.source, key, bodies)
    return pair


def test_every_version_arrives_in_order_and_only_once(aws, tmp_path):
    pair, engine = filled(aws), aws.engine(tmp_path)
    moved = seed(engine, pair)
    count = sum(map(len, HISTORIES.values()))
    assert (moved.total, moved.copied, moved.skipped, moved.failed) == (count, count, 0, 0), moved
    assert aws.histories(pair.destination) == HISTORIES
    aws.forget_calls()
    again = seed(engine, pair)
    assert (again.total, again.copied, again.skipped) == (0, 0, count)
    assert not aws.calls(operation="CopyObject")
    assert not aws.calls(operation="DeleteObject")
    assert not list(tmp_path.iterdir()), "the journal of a seed that is over stayed"


def test_what_is_new_is_put_on_top(aws, tmp_path):
    pair, engine = filled(aws), aws.engine(tmp_path)
    seed(engine, pair)
    aws.make(pair.source, "three", [None, b"4444", b"22"])
    moved = seed(engine, pair)
    assert (moved.total, moved.copied) == (3, 3)
    assert aws.histories(pair.destination) == aws.histories(pair.source)


def test_without_delete_markers(aws, tmp_path):
    pair, engine = filled(aws), aws.engine(tmp_path)
    moved = seed(engine, pair, delete_markers=False)
    expected = {key: [body for body in bodies if body is not None] for key, bodies in HISTORIES.items()}
    assert aws.histories(pair.destination) == {key: bodies for key, bodies in expected.items() if bodies}
    assert moved.failed == 0
    assert seed(engine, pair, delete_markers=False).total == 0


def test_when_older_versions_are_missing_the_complete_history_is_copied_on_top(aws, tmp_path):
    pair, engine = filled(aws, {"k": [b"1", b"22", b"333"]}), aws.engine(tmp_path)
    copy_pair(engine, pair, seed_id="plain", versions=False, stop=threading.Event(), on_progress=lambda _: None)
    assert aws.histories(pair.destination) == {"k": [b"333"]}
    assert seed(engine, pair).failed == 0
    assert aws.histories(pair.destination) == {"k": [b"333", b"1", b"22", b"333"]}
    assert seed(engine, pair).total == 0


def test_newer_objects_of_the_destination_are_reported_and_left_alone(aws, tmp_path):
    pair, engine = filled(aws, {"k": [b"1", b"22"], "other": [b"o"], "gone": [b"g"]}), aws.engine(tmp_path)
    seed(engine, pair)
    aws.make(pair.destination, "k", [b"somebody else's"])
    aws.make(pair.destination, "gone", [None])
    for _ in range(2):
        moved = seed(engine, pair)
        assert (moved.copied, moved.failed) == (0, 2), moved
        (group,) = moved.failures
        assert (group.code, set(group.keys)) == ("DstVersionsNewer", {"k", "gone"})
    assert aws.histories(pair.destination) == {
        "k": [b"1", b"22", b"somebody else's"],
        "other": [b"o"],
        "gone": [b"g", None],
    }


def test_a_destination_without_versioning_is_refused_before_anything_is_written(aws, tmp_path):
    pair = filled(aws, {"k": [b"1", None]})
    plain = aws.pair()
    from dataclasses import replace

    with pytest.raises(Conflict, match="versioning is off"):
        seed(aws.engine(tmp_path), replace(pair, destination=plain.destination))
    assert aws.histories(plain.destination) == {}


def test_archived_versions_are_reported_and_do_not_delay_the_others(aws, tmp_path):
    pair, engine = aws.pair(versioned=True), aws.engine(tmp_path)
    client = aws.s3()
    for body, storage in ((b"1", "GLACIER"), (b"22", "STANDARD_IA"), (b"333", "STANDARD")):
        client.put_object(Bucket=pair.source.bucket, Key="k", Body=body, StorageClass=storage)
    for _ in range(2):
        moved = seed(engine, pair)
        assert {failure.code: failure.count for failure in moved.failures} == {"InvalidObjectState": 1}
        assert aws.histories(pair.destination) == {"k": [b"22", b"333"]}
    listed = aws.s3("eu-west-1").list_object_versions(Bucket=pair.destination.bucket)["Versions"]
    assert [entry["StorageClass"] for entry in listed] == ["STANDARD", "STANDARD_IA"]


def test_large_versions_go_in_parts_and_multipart_etags_are_known_again(aws, tmp_path):
    pair = aws.pair(versioned=True)
    bodies = [bytes([at]) * (6 << 20) for at in (1, 2)]
    aws.make(pair.source, "large", [bodies[0], None, bodies[1], b"small"])
    engine = aws.engine(tmp_path, largest_bytes=1 << 20, part_bytes=5 << 20)
    moved = seed(engine, pair)
    assert (moved.copied, moved.failed) == (4, 0), moved.failures
    assert aws.histories(pair.destination) == aws.histories(pair.source)
    # The copies' ETags are of parts now, the source's are not: sizes are equal, and only a closer look tells.
    again = seed(engine, pair)
    assert (again.total, again.copied, again.failed) == (0, 0, 0), again
    assert aws.histories(pair.destination) == aws.histories(pair.source)


def test_versions_of_equal_size_and_different_content_are_distinguished(aws, tmp_path):
    pair, engine = filled(aws, {"k": [b"a", b"b", b"c"]}), aws.engine(tmp_path)
    copy_pair(engine, pair, seed_id="plain", versions=False, stop=threading.Event(), on_progress=lambda _: None)
    assert seed(engine, pair).failed == 0
    assert aws.histories(pair.destination) == {"k": [b"c", b"a", b"b", b"c"]}


def test_a_version_that_is_gone_is_left_out_and_one_refused_keeps_the_newer_ones_waiting(aws, tmp_path):
    pair = filled(aws, {"k": [b"1", b"22", b"333"], "l": [b"1", b"22", b"333"]})
    rule = {
        "kind": "access_denied",
        "service": "s3",
        "operation": "CopyObject",
        "path": f"/{pair.destination.bucket}/l",
    }
    aws.faults([rule | {"limit": 1}])
    engine = aws.engine(tmp_path)
    moved = seed(engine, pair)
    assert {failure.code: failure.count for failure in moved.failures} == {"AccessDenied": 1, "OlderVersionFailed": 2}
    assert aws.histories(pair.destination) == {"k": [b"1", b"22", b"333"]}
    aws.faults([])
    assert seed(engine, pair).failed == 0
    assert aws.histories(pair.destination) == aws.histories(pair.source)


FOUL = {
    "slow down": [{"kind": "throttle", "service": "s3", "operation": "CopyObject", "rate": 400}],
    "errors": [
        {"kind": "error", "service": "s3", "operation": name, "probability": 0.05}
        for name in ("CopyObject", "DeleteObject")
    ],
    "dropped": [
        {"kind": "drop", "service": "s3", "operation": name, "probability": 0.05}
        for name in ("CopyObject", "DeleteObject")
    ],
    "listings": [
        {"kind": "error", "service": "s3", "operation": "ListObjectVersions", "probability": 0.3, "limit": 20}
    ],
}


def many(aws, keys=150):
    pair = aws.pair(versioned=True)
    for at in range(keys):
        bodies = [f"{number}".encode() for number in range(at % 5 + 1)]
        if at % 3 == 0:
            bodies.insert(at % len(bodies), None)
        aws.make(pair.source, f"{at % 7}/{at:03}", bodies)
    return pair


@pytest.mark.parametrize("name", FOUL)
def test_foul_weather_loses_nothing_and_doubles_nothing(aws, tmp_path, name):
    pair = many(aws)
    aws.faults(FOUL[name])
    moved = seed(aws.engine(tmp_path), pair)
    aws.faults([])
    assert moved.failed == 0, moved.failures
    assert aws.histories(pair.destination) == aws.histories(pair.source)
    assert moved.copied == sum(map(len, aws.histories(pair.source).values()))


def test_stopped_and_resumed_nothing_is_doubled_and_nothing_listed_again(aws, tmp_path):
    pair = many(aws, keys=80)
    engine, rounds, listed = aws.engine(tmp_path, limits=SeedLimits(start_per_s=200.0, most_per_s=400.0)), 0, []
    while True:
        rounds += 1
        stop = threading.Event()
        timer = threading.Timer(0.6, stop.set)
        timer.start()
        try:
            moved = seed(engine, pair, stop=stop)
            break
        except Interrupted:
            listed.append((tmp_path / "s-versions" / "plan").read_bytes())
        finally:
            timer.cancel()
    assert rounds >= 3, "it was never stopped: the test shows nothing"
    assert len(set(listed)) == 1, "it listed again"
    assert (moved.failed, moved.skipped) == (0, 0)
    assert moved.copied == moved.total == sum(map(len, aws.histories(pair.source).values()))
    assert aws.histories(pair.destination) == aws.histories(pair.source)
