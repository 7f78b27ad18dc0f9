"""Copies that carry ACLs, locks and redirects: small and large ones, current objects and versions."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.replication.direct.local import copy_pair
from windlass.core.errors import UsageError
from windlass.replication.direct.copying.attributes import carried_headers
from windlass.replication.model import Attribute

EVERYTHING = frozenset(Attribute)
READER = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
LATER = datetime(2040, 1, 1, tzinfo=UTC)
UNTIL = "x-amz-object-lock-retain-until-date"


def acls_on(aws, *places):
    for place in places:
        client = aws.s3(place.region)
        owned = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        client.put_bucket_ownership_controls(Bucket=place.bucket, OwnershipControls=owned)


def locked_pair(aws):
    """Both buckets with Object Lock, and ACLs on."""
    from dataclasses import replace

    pair = aws.pair()
    places = []
    for place, where in (
        (pair.source, {}),
        (pair.destination, {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
    ):
        name = f"{place.bucket}-locked"
        aws.s3(place.region).create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, **where)
        places.append(replace(place, bucket=name))
    acls_on(aws, *places)
    return replace(pair, source=places[0], destination=places[1])


def seed(aws, tmp_path, pair, *, preserve=EVERYTHING, versions=False, **more):
    engine = aws.engine(tmp_path, **more)
    return copy_pair(
        engine,
        pair,
        seed_id="s",
        versions=versions,
        preserve=preserve,
        stop=threading.Event(),
        on_progress=lambda _: None,
    )


def told(aws, place, key, **which):
    client, where = aws.s3(place.region), {"Bucket": place.bucket, "Key": key, **which}
    head = client.head_object(**where)
    grants = client.get_object_acl(**where)["Grants"]
    return {
        "mode": head.get("ObjectLockMode"),
        "until": head.get("ObjectLockRetainUntilDate"),
        "hold": head.get("ObjectLockLegalHoldStatus"),
        "redirect": head.get("WebsiteRedirectLocation"),
        "grants": sorted((grant["Permission"], grant["Grantee"].get("ID", "")) for grant in grants),
    }


def put(aws, place, key, body, **more):
    aws.s3(place.region).put_object(Bucket=place.bucket, Key=key, Body=body, **more)


FULL = {
    "ObjectLockMode": "GOVERNANCE",
    "ObjectLockRetainUntilDate": LATER,
    "ObjectLockLegalHoldStatus": "ON",
    "WebsiteRedirectLocation": "/elsewhere",
    "GrantRead": f'id="{READER}"',
}


@pytest.mark.parametrize("size", [10, 6 << 20], ids=["small", "large"])
def test_all_attributes_are_preserved(aws, tmp_path, size):
    pair = locked_pair(aws)
    put(aws, pair.source, "full é", b"x" * size, **FULL)
    put(aws, pair.source, "plain", b"y" * size)
    moved = seed(aws, tmp_path, pair, largest_bytes=1 << 20, part_bytes=5 << 20)
    assert (moved.copied, moved.failed) == (2, 0), moved.failures
    result = told(aws, pair.destination, "full é")
    assert result == told(aws, pair.source, "full é")
    assert (result["mode"], result["hold"], result["redirect"]) == ("GOVERNANCE", "ON", "/elsewhere")
    assert ("READ", READER) in result["grants"]
    plain = told(aws, pair.destination, "plain")
    assert (plain["mode"], plain["hold"], plain["redirect"]) == (None, None, None)
    assert [permission for permission, _ in plain["grants"]] == ["FULL_CONTROL"]


def test_attributes_are_preserved_only_on_request(aws, tmp_path):
    pair = locked_pair(aws)
    put(aws, pair.source, "k", b"x", **FULL)
    aws.forget_calls()
    moved = seed(aws, tmp_path, pair, preserve=frozenset({Attribute.REDIRECT}))
    assert moved.failed == 0, moved.failures
    result = told(aws, pair.destination, "k")
    assert (result["mode"], result["hold"], result["redirect"]) == (None, None, "/elsewhere")
    assert ("READ", READER) not in result["grants"]
    assert not aws.calls(operation="GetObjectAcl", bucket=pair.source.bucket)
    assert len(aws.calls(operation="HeadObject", bucket=pair.source.bucket)) == 1


def test_each_version_keeps_its_own_attributes(aws, tmp_path):
    pair = locked_pair(aws)
    client = aws.s3()
    put(aws, pair.source, "k", b"1", **FULL)
    client.delete_object(Bucket=pair.source.bucket, Key="k")
    put(aws, pair.source, "k", b"22", WebsiteRedirectLocation="/two")
    put(aws, pair.source, "k", b"333")
    moved = seed(aws, tmp_path, pair, versions=True)
    assert (moved.copied, moved.failed) == (4, 0), moved.failures
    assert aws.histories(pair.destination) == {"k": [b"1", None, b"22", b"333"]}
    there = aws.s3("eu-west-1").list_object_versions(Bucket=pair.destination.bucket)["Versions"]
    ids = {entry["Size"]: entry["VersionId"] for entry in there}
    assert [told(aws, pair.destination, "k", VersionId=ids[size])["redirect"] for size in (1, 2, 3)] == [
        "/elsewhere",
        "/two",
        None,
    ]
    first = told(aws, pair.destination, "k", VersionId=ids[1])
    assert (first["mode"], first["hold"]) == ("GOVERNANCE", "ON")
    assert ("READ", READER) in first["grants"]


def test_a_bucket_without_object_lock_is_reported_per_object(aws, tmp_path):
    """What preflight could not see, as of a stranger's bucket."""
    pair = locked_pair(aws)
    put(aws, pair.source, "k", b"x", **FULL)
    put(aws, pair.source, "plain", b"x")
    from dataclasses import replace

    bare = replace(pair, destination=aws.pair().destination)
    moved = seed(aws, tmp_path, bare, preserve=frozenset({Attribute.LOCK}))
    assert (moved.copied, moved.failed) == (1, 1)
    assert moved.failures[0].code == "InvalidRequest"
    assert "Object Lock" in moved.failures[0].message


FOUL = [
    {"kind": "throttle", "service": "s3", "operation": "CopyObject", "rate": 300},
    {"kind": "error", "service": "s3", "operation": "CopyObject", "probability": 0.05},
    {"kind": "drop", "service": "s3", "operation": "HeadObject", "probability": 0.05},
]


def test_foul_weather(aws, tmp_path):
    pair = aws.pair()
    for at in range(200):
        put(aws, pair.source, f"{at % 3}/{at:03}", b"x", WebsiteRedirectLocation=f"/{at}")
    aws.faults(FOUL)
    moved = seed(aws, tmp_path, pair, preserve=frozenset({Attribute.REDIRECT}))
    aws.faults([])
    assert (moved.copied, moved.failed) == (200, 0), moved.failures
    for at in range(0, 200, 17):
        assert told(aws, pair.destination, f"{at % 3}/{at:03}")["redirect"] == f"/{at}"


def test_a_retention_that_is_over_is_none():
    head = {
        "x-amz-object-lock-mode": "GOVERNANCE",
        UNTIL: "2026-11-20T08:00:00.000Z",
        "x-amz-object-lock-legal-hold": "OFF",
    }
    now = datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert carried_headers(head, EVERYTHING, now) == {}
    before = now - timedelta(seconds=1)
    assert carried_headers(head, EVERYTHING, before) == {"x-amz-object-lock-mode": "GOVERNANCE", UNTIL: head[UNTIL]}
    assert carried_headers(head, frozenset({Attribute.ACL}), before) == {}


def test_a_distributed_seed_preserves_nothing_extra(aws, tmp_path):
    with pytest.raises(UsageError, match="a distributed seed copies current objects only"):
        copy_pair(
            aws.engine(tmp_path),
            aws.pair(),
            seed_id="s",
            versions=False,
            preserve=EVERYTHING,
            distributed=True,
            stop=threading.Event(),
            on_progress=lambda _: None,
        )
