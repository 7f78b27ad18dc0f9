"""The direct way on the embedded AWS: what is missing is copied with all that belongs to it, and compared honestly."""

import threading

import pytest

from tests.replication.direct.local import copy_pair, verify_pair
from windlass.core.errors import PartialFailure, UsageError
from windlass.replication.direct.direct_copier import DirectCopier
from windlass.replication.direct.model import VerifyOptions
from windlass.replication.model import Method, Operation, SeedState
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed import job as seeding
from windlass.replication.service import PairSelection


def pair_of(app, source, target):
    return app.replication.pairs(PairSelection(source=source, destination=target))[0]


def copied(app, source, target):
    request = SeedRequest(operation=Operation.COPY)
    plans = app.replication.plan([pair_of(app, source, target)], request)
    return seeding.run(app.replication, app.jobs, seeding.begin(app.replication, app.jobs, plans, request))[0]


def test_auto_copies_a_small_bucket_directly(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=12, versioned=False)
    buckets.call(
        "us-east-1",
        "PutObject",
        Bucket=source,
        Key="tagged",
        Body=b"x",
        Tagging="a=b",
        ContentType="text/x",
        Metadata={"k": "v"},
    )
    one = copied(app, source, target)
    assert one.state is SeedState.DONE, one
    assert (str(one.method), one.total, one.done) == ("direct", 13, 13)
    assert buckets.keys(target) == buckets.keys(source, "us-east-1")
    head = buckets.call("eu-west-1", "HeadObject", Bucket=target, Key="tagged")
    assert (head["ContentType"], head["Metadata"]) == ("text/x", {"k": "v"})
    assert buckets.call("eu-west-1", "GetObjectTagging", Bucket=target, Key="tagged")["TagSet"] == [
        {"Key": "a", "Value": "b"}
    ]
    assert copied(app, source, target).detail == "the destination is in sync"


def test_a_prefix_limits_both_sides(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=2, versioned=False)
    buckets.call("us-east-1", "PutObject", Bucket=source, Key="other/x", Body=b"x")
    one = copied(app, f"s3://{source}/other/", target)
    assert (one.state, one.total) == (SeedState.DONE, 1)
    assert buckets.keys(target) == ["other/x"]


def test_objects_too_large_for_one_copy_go_in_parts(seed_app, buckets_of, tmp_path):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(versioned=False)
    body = bytes(range(256)) * 44_000  # 11 MB: parts of 5 MiB are the smallest S3 takes
    buckets.call(
        "us-east-1",
        "PutObject",
        Bucket=source,
        Key="large é",
        Body=body,
        ContentType="text/x",
        Metadata={"k": "v"},
        Tagging="a=b%26c",
    )
    mover = DirectCopier(lambda: app.estate, tmp_path, largest_bytes=1_000_000, part_bytes=5 * 1024**2)
    moved = copy_pair(
        mover,
        pair_of(app, source, target),
        seed_id="s",
        versions=False,
        stop=threading.Event(),
        on_progress=lambda _: None,
    )
    assert (moved.copied, moved.failed) == (1, 0), moved
    got = buckets.call("eu-west-1", "GetObject", Bucket=target, Key="large é")
    assert got["Body"].read() == body
    assert got["ETag"].strip('"').endswith("-3")
    assert (got["ContentType"], got["Metadata"]) == ("text/x", {"k": "v"})
    assert buckets.call("eu-west-1", "GetObjectTagging", Bucket=target, Key="large é")["TagSet"] == [
        {"Key": "a", "Value": "b&c"}
    ]
    compared = verify_pair(mover, pair_of(app, source, target), stop=threading.Event(), on_progress=lambda _: None)
    assert (compared.missing, compared.different, compared.unknown) == (0, 0, 1)  # another ETag is no proof of anything


def test_archived_objects_are_told_not_copied(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=1, versioned=False)
    buckets.call("us-east-1", "PutObject", Bucket=source, Key="archived", Body=b"x", StorageClass="GLACIER")
    with pytest.raises(PartialFailure):
        copied(app, source, target)
    (one,) = app.replication.seeds()
    (group,) = app.replication.failures([one])[one.seed_id]
    assert (group.code, group.keys) == ("InvalidObjectState", ("archived",))
    assert (one.done, one.failed) == (1, 1)


def test_a_comparison_names_what_differs(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=3, versioned=False)
    buckets.call("eu-west-1", "PutObject", Bucket=target, Key="2026/é 001+%.txt", Body=b"longer than it was")
    buckets.call("eu-west-1", "PutObject", Bucket=target, Key="2026/é 002+%.txt", Body=b"xx")
    buckets.call("eu-west-1", "PutObject", Bucket=target, Key="stray", Body=b"x")
    found = app.replication.verify(pair_of(app, source, target))
    assert (found.objects, found.missing, found.different, found.extra) == (3, 1, 1, 1)
    assert found.examples == {"missing": ("2026/é 000+%.txt",), "different": ("2026/é 001+%.txt",), "extra": ("stray",)}
    assert not found.whole


def contents(buckets, bucket, region):
    listed = buckets.call(region, "ListObjectVersions", Bucket=bucket)
    return {
        version["Key"]: [
            buckets.call(region, "GetObject", Bucket=bucket, Key=version["Key"], VersionId=each["VersionId"])[
                "Body"
            ].read()
            for each in reversed(listed["Versions"])
            if each["Key"] == version["Key"]
        ]
        for version in listed["Versions"]
        if not version["Key"].startswith(".windlass")
    }


def versions_seeded(app, source, target, **more):
    request = SeedRequest(operation=Operation.COPY, method=Method.DIRECT, versions=True, **more)
    plans = app.replication.plan([pair_of(app, source, target)], request)
    return seeding.run(app.replication, app.jobs, seeding.begin(app.replication, app.jobs, plans, request))[0]


def test_versions_are_seeded_and_verified_though_the_current_objects_are_all_there(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair()
    for body in (b"1", b"22", b"333"):
        buckets.call("us-east-1", "PutObject", Bucket=source, Key="k", Body=body)
    buckets.call("us-east-1", "PutObject", Bucket=source, Key="gone", Body=b"x")
    buckets.call("us-east-1", "DeleteObject", Bucket=source, Key="gone")
    assert copied(app, source, target).total == 1
    pair = pair_of(app, source, target)
    before = app.replication.verify(pair, VerifyOptions(versions=True))
    assert (before.objects, before.missing, before.extra, before.whole) == (5, 5, 1, False)
    assert before.examples["missing"] == ("gone", "k")
    one = versions_seeded(app, source, target)
    assert (one.state, one.total, one.done) == (SeedState.DONE, 5, 5), one
    assert one.verified["objects"] == 5
    assert one.verified["missing"] == one.verified["different"] == 0
    assert contents(buckets, target, "eu-west-1")["k"] == [b"333", b"1", b"22", b"333"]
    assert buckets.keys(target) == ["k"]
    again = versions_seeded(app, source, target)
    assert (again.state, again.total) == (SeedState.DONE, 0)


def test_what_can_not_be_brought_in_order_is_reported_and_found_by_verify(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair()
    buckets.call("us-east-1", "PutObject", Bucket=source, Key="k", Body=b"1")
    versions_seeded(app, source, target)
    buckets.call("eu-west-1", "PutObject", Bucket=target, Key="k", Body=b"their own")
    with pytest.raises(PartialFailure):
        versions_seeded(app, source, target)
    one = app.replication.select(source)[0]
    (group,) = app.replication.failures([one])[one.seed_id]
    assert (group.code, group.keys) == ("DstVersionsNewer", ("k",))
    found = app.replication.verify(pair_of(app, source, target), VerifyOptions(versions=True))
    assert (found.different, found.examples["different"], found.whole) == (1, ("k",), False)


def test_versions_need_a_destination_that_keeps_them(seed_app, buckets_of):
    app = seed_app()
    buckets = buckets_of(app)
    source, target = buckets.pair(objects=1, versioned=False)
    request = SeedRequest(operation=Operation.COPY, method=Method.DIRECT, versions=True)
    (plan,) = app.replication.plan([pair_of(app, source, target)], request)
    assert plan.error is not None
    assert plan.error.code == "DstBucketUnversioned"
    with pytest.raises(UsageError, match="current objects only"):
        app.replication.verify(pair_of(app, source, target), VerifyOptions(versions=True, sample=3))
