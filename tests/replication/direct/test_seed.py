"""Direct seeds on the embedded AWS, in fair weather and foul: nothing missing, nothing wrong, everything told."""

import threading
import time

import pytest

from tests.replication.direct.local import FAST, copy_pair, join_seed, verify_pair
from windlass.core.access import Keys
from windlass.core.errors import AwsError, Interrupted, NotFound
from windlass.core.secret import Secret
from windlass.replication.direct.run import SeedLimits

ODD = [
    "a b",
    "a+b",
    "a%20b",
    "é",
    "日本/語",
    "💥",
    "/a",
    "a//b",
    "a/",
    "&<>\"'",
    "a?b=c&d",
    "~-_.!*()",
    "a" * 1000,
    "\x7f",
    "line\nbreak",
]


def seed(engine, pair, *, seed_id="s", stop=None, tell=lambda _: None, **more):
    return copy_pair(
        engine, pair, seed_id=seed_id, versions=False, stop=stop or threading.Event(), on_progress=tell, **more
    )


def verified(engine, pair):
    return verify_pair(engine, pair, stop=threading.Event(), on_progress=lambda _: None)


def test_odd_keys_and_many_are_copied_and_compared(aws, tmp_path):
    pair = aws.pair()
    keys = [*ODD, *(f"{at % 7}/{at:06}" for at in range(5000))]
    aws.fill(pair.source.bucket, keys)
    engine = aws.engine(tmp_path)
    moved = seed(engine, pair)
    assert (moved.total, moved.copied, moved.failed) == (len(keys), len(keys), 0)
    assert aws.listed(pair.destination) == aws.listed(pair.source)
    found = verified(engine, pair)
    assert found.whole
    assert (found.objects, found.extra, found.unknown) == (len(keys), 0, 0)
    assert not list(tmp_path.iterdir()), "the journal of a seed that is over stayed"


def test_only_what_is_missing_or_older_is_copied(aws, tmp_path):
    pair = aws.pair()
    aws.fill(pair.source.bucket, ["gone", "other", "same"], b"first")
    engine = aws.engine(tmp_path)
    seed(engine, pair)
    aws.s3("eu-west-1").delete_object(Bucket=pair.destination.bucket, Key="gone")
    aws.s3("eu-west-1").put_object(Bucket=pair.destination.bucket, Key="other", Body=b"longer than it was")
    moved = seed(engine, pair)
    assert (moved.total, moved.copied, moved.skipped) == (2, 2, 1)
    assert aws.listed(pair.destination) == aws.listed(pair.source)


FOUL = {
    "slow down": [{"kind": "throttle", "service": "s3", "operation": "CopyObject", "rate": 800}],
    "errors": [{"kind": "error", "service": "s3", "operation": "CopyObject", "probability": 0.05}],
    "dropped": [{"kind": "drop", "service": "s3", "operation": "CopyObject", "probability": 0.03}],
    "listings": [{"kind": "error", "service": "s3", "operation": "ListObjectsV2", "probability": 0.3, "limit": 20}],
    "all at once": [
        {"kind": "throttle", "service": "s3", "operation": "CopyObject", "rate": 1500},
        {"kind": "error", "service": "s3", "operation": "CopyObject", "probability": 0.02},
        {"kind": "drop", "service": "s3", "operation": "CopyObject", "probability": 0.02},
        {"kind": "latency", "service": "s3", "operation": "CopyObject", "probability": 0.1, "latency_ms": 50},
    ],
}


@pytest.mark.parametrize("name", FOUL)
def test_foul_weather_costs_time_and_no_object(aws, tmp_path, name):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at % 5}/{at:05}" for at in range(1500)])
    aws.faults(FOUL[name])
    moved = seed(aws.engine(tmp_path), pair)
    aws.faults([])
    assert (moved.copied, moved.failed) == (1500, 0), moved.failures
    assert aws.listed(pair.destination) == aws.listed(pair.source)


def test_what_can_not_be_copied_is_told_by_reason_and_the_rest_is_copied(aws, tmp_path):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"good/{at}" for at in range(50)] + [f"bad/{at}" for at in range(7)])
    aws.s3().put_object(Bucket=pair.source.bucket, Key="archived", Body=b"x", StorageClass="GLACIER")
    rule = {
        "kind": "access_denied",
        "service": "s3",
        "operation": "CopyObject",
        "path": f"/{pair.destination.bucket}/bad/*",
    }
    aws.faults([rule])
    moved = seed(aws.engine(tmp_path), pair)
    assert (moved.total, moved.copied, moved.failed) == (58, 50, 8)
    assert {failure.code: failure.count for failure in moved.failures} == {"AccessDenied": 7, "InvalidObjectState": 1}
    assert set(moved.failures[0].keys) <= {f"bad/{at}" for at in range(7)}


def test_what_changes_or_goes_between_listing_and_copying(aws, tmp_path):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(600)])
    done = threading.Event()

    def change(moved):
        if not done.is_set() and moved.total == 600:
            done.set()
            aws.s3().put_object(Bucket=pair.source.bucket, Key="0599", Body=b"newer and longer")
            aws.s3().delete_object(Bucket=pair.source.bucket, Key="0598")

    moved = seed(aws.engine(tmp_path, limits=SeedLimits(start_per_s=50.0, most_per_s=200.0)), pair, tell=change)
    assert done.is_set()
    assert (moved.copied, moved.failed, moved.total) == (599, 0, 599)
    assert aws.listed(pair.destination) == aws.listed(pair.source)


def test_stopped_and_resumed_nothing_is_copied_twice_and_nothing_listed_again(aws, tmp_path):
    pair = aws.pair(versioned=True)
    keys = [f"{at % 3}/{at:05}" for at in range(3000)]
    aws.fill(pair.source.bucket, keys)
    engine, rounds = aws.engine(tmp_path, limits=SeedLimits(start_per_s=600.0, most_per_s=1200.0)), 0
    listed = []
    while True:
        rounds += 1
        stop = threading.Event()
        aws.forget_calls()

        def tell(so_far, stop=stop, enough=400 * rounds):
            if so_far.total == 3000 and so_far.copied > enough:
                stop.set()

        try:
            moved = seed(engine, pair, stop=stop, tell=tell)
            break
        except Interrupted:
            listed.append(len(aws.calls(operation="ListObjectsV2", bucket=pair.source.bucket)))
    assert rounds >= 3, "it was never stopped: the test shows nothing"
    assert (moved.total, moved.copied, moved.failed) == (3000, 3000, 0)
    assert listed[1:] == [0] * (len(listed) - 1), "it listed again"
    pages = aws.s3("eu-west-1").get_paginator("list_object_versions").paginate(Bucket=pair.destination.bucket)
    versions = [version["Key"] for page in pages for version in page.get("Versions", [])]
    assert sorted(versions) == sorted(keys), "an object was copied twice"


def test_a_destination_that_goes_away_ends_the_seed_and_not_each_object(aws, tmp_path):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(3000)])
    gone = threading.Event()

    def drop(moved):
        if moved.copied and not gone.is_set():
            gone.set()
            there = aws.listed(pair.destination)
            client = aws.s3("eu-west-1")
            rule = {"kind": "error", "service": "s3", "operation": "CopyObject", "status": 404, "code": "NoSuchBucket"}
            aws.faults([rule])
            assert there
            assert client

    engine = aws.engine(tmp_path, limits=SeedLimits(start_per_s=100.0, most_per_s=400.0))
    with pytest.raises(NotFound, match="NoSuchBucket"):
        seed(engine, pair, tell=drop)
    aws.faults([])
    moved = seed(engine, pair)
    assert (moved.copied, moved.failed) == (3000, 0)


def test_keys_that_expire_in_mid_run_are_renewed(aws, tmp_path):
    """An estate whose keys are refused from a moment on, until it is asked for new ones."""
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(800)])
    asked, expired = [], threading.Event()

    class Renewing(type(aws)):
        def access(self, account_id, region, service):
            found = aws.access(account_id, region, service)

            def keys():
                asked.append(time.monotonic())
                if expired.is_set():
                    aws.faults([])
                return Keys(aws.account, Secret(f"made-{len(asked)}"))

            return type(found)(**{name: getattr(found, name) for name in found.__slots__} | {"keys": keys})

    renewing = Renewing(aws.url, aws.account)

    def expire(moved):
        if moved.copied and not expired.is_set():
            expired.set()
            aws.faults(
                [{"kind": "error", "service": "s3", "operation": "CopyObject", "status": 400, "code": "ExpiredToken"}]
            )

    moved = seed(renewing.engine(tmp_path, limits=SeedLimits(start_per_s=100.0, most_per_s=400.0)), pair, tell=expire)
    assert expired.is_set()
    assert (moved.copied, moved.failed) == (800, 0), moved.failures


def test_an_endpoint_that_is_not_there_is_one_clear_error(aws, tmp_path):
    pair = aws.pair()

    class ServiceAccess(type(aws)):
        pass

    away = ServiceAccess("http://127.0.0.1:9", aws.account)
    with pytest.raises(AwsError, match="can't be reached"):
        seed(away.engine(tmp_path, limits=FAST), pair)


def test_workers_share_a_seed_and_one_that_dies_is_replaced(aws, tmp_path):
    pair = aws.pair()
    keys = [f"{at % 9}/{at:05}" for at in range(6000)]
    aws.fill(pair.source.bucket, keys)
    slow = SeedLimits(start_per_s=300.0, most_per_s=600.0)
    engines = [
        aws.engine(tmp_path / str(number), per_shard=1000, ttl_s=2.0, limits=slow if number == 0 else FAST)
        for number in range(3)
    ]
    results, stops = {}, [threading.Event() for _ in engines]

    def work(number):
        try:
            if number == 0:
                results[number] = seed(engines[0], pair, stop=stops[0], distributed=True)
            else:
                while True:  # it joins when the plan is there
                    try:
                        results[number] = join_seed(
                            engines[number], pair, seed_id="s", stop=stops[number], on_progress=lambda _: None
                        )
                        return
                    except NotFound:
                        time.sleep(0.05)
        except Interrupted:
            results[number] = "stopped"

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    stops[0].set()  # the first leaves in the middle of a shard; its lease runs out
    for thread in threads:
        thread.join(60)
    assert results[0] == "stopped"
    for number in (1, 2):
        assert (results[number].total, results[number].failed) == (6000 - results[number].skipped, 0), results
    assert aws.listed(pair.destination) == aws.listed(pair.source)
    again = join_seed(engines[1], pair, seed_id="s", stop=threading.Event(), on_progress=lambda _: None)
    assert again.copied == results[1].copied, "it is over, and was done again"
