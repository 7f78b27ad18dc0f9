"""Copies from one service to another, the embedded AWS being both: whole, with all that belongs to them, or not made at all."""

import random
import re
import threading
import uuid
from dataclasses import replace

import pytest

from tests.replication.direct.local import FAST, Aws
from tests.replication.direct.middle import middle
from tests.replication.direct.test_parts import KEPT, MIB, body_of, put
from tests.replication.direct.test_seed import ODD, seed, verified
from windlass.core.errors import Interrupted, UsageError
from windlass.estate.config import EstateConfig, ServiceConfig
from windlass.estate.services import Services
from windlass.replication.direct.run import SeedLimits
from windlass.replication.model import BucketRef, Pair

LARGE = body_of([6 * MIB])  # above what is read whole, put in one piece


class Two:
    """The embedded AWS of one account as the estate, and of another as the service `other`."""

    def __init__(self, aws, url=""):
        self.aws = aws
        self.there = Aws(aws.url, f"{uuid.uuid4().int % 10**12:012}")
        environ = {"OTHER_ACCESS_KEY_ID": self.there.account, "OTHER_SECRET_ACCESS_KEY": "windlass-local"}
        self.config = ServiceConfig(name="other", endpoint_url=url or aws.url)
        self.services = Services([self.config], environ, EstateConfig(read_timeout_s=10))

    def pair(self, *, out=False, versioned=False, prefix=""):
        """From the service into the estate; the other way with `out`."""
        mark = uuid.uuid4().hex[:10]
        ours = BucketRef(bucket=f"{mark}-ours", account_id=self.aws.account, region="us-east-1")
        theirs = BucketRef(bucket=f"{mark}-theirs", service="other")
        for client, place in ((self.aws, ours), (self.there, theirs)):
            client.s3().create_bucket(Bucket=place.bucket)
            if versioned:
                client.s3().put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
        source, target = (ours, theirs) if out else (theirs, ours)
        return Pair(source=source, destination=target, prefix=prefix)

    def side(self, place):
        return (self.there if place.service else self.aws).s3()

    def of(self, place):
        return self.there if place.service else self.aws

    def listed(self, place):
        return self.of(place).listed(replace(place, region="us-east-1"))

    def engine(self, home, **more):
        return self.aws.engine(home, services=self.services, **more)

    def uploads(self, place):
        return self.side(place).list_multipart_uploads(Bucket=place.bucket).get("Uploads", [])


@pytest.fixture
def two(aws):
    found = Two(aws)
    yield found
    found.there.close()


@pytest.fixture
def between(aws):
    """A service whose answers go through the test's hands."""
    with middle(aws.url) as line:
        found = Two(aws, line.url)
        found.line = line
        yield found
        found.there.close()


@pytest.mark.parametrize("out", [False, True], ids=["in", "out"])
def test_odd_keys_large_ones_and_what_belongs_to_them(two, tmp_path, out):
    pair = two.pair(out=out)
    keys = [*ODD, *(f"{at % 7}/{at:04}" for at in range(150))]
    two.of(pair.source).fill(pair.source.bucket, keys)
    source, bucket = two.side(pair.source), pair.source.bucket
    bodies = {
        "one put": put(source, bucket, "one put", "one put", "content", "team=web&odd%20key=a%26b%3Dc"),
        "equal": put(source, bucket, "equal", "equal parts", "metadata", ""),
        "odd": put(source, bucket, "odd", "odd parts", "bare", "a=b"),
        "one part": put(source, bucket, "one part", "one part", "redirect", ""),
    }
    source.put_object(Bucket=bucket, Key="empty", Body=b"", Metadata={"k": "v"}, StorageClass="STANDARD_IA")
    engine = two.engine(tmp_path)
    moved = seed(engine, pair)
    assert (moved.copied, moved.failed) == (len(keys) + 5, 0), moved.failures
    assert two.listed(pair.destination) == two.listed(pair.source)  # with the ETags, those of parts among them
    target = two.side(pair.destination)
    for key, body in bodies.items():
        was, made = (
            client.get_object(Bucket=place.bucket, Key=key)
            for client, place in ((source, pair.source), (target, pair.destination))
        )
        assert made["Body"].read() == body, key
        assert {name: made.get(name) for name in KEPT} == {name: was.get(name) for name in KEPT}, key
        tags = [
            client.get_object_tagging(Bucket=place.bucket, Key=key)["TagSet"]
            for client, place in ((source, pair.source), (target, pair.destination))
        ]
        assert tags[0] == tags[1], key
    head = target.head_object(Bucket=pair.destination.bucket, Key="empty")
    assert head["Metadata"] == {"k": "v"}
    assert "StorageClass" not in head, "a class of one service was asked of another"
    found = verified(engine, pair)
    assert found.whole
    assert (found.missing, found.extra, found.unknown) == (0, 0, 0)
    assert seed(engine, pair, seed_id="again").total == 0
    assert not list(tmp_path.iterdir()), "the journal of a seed that is over stayed"


def test_a_storage_class_goes_along_where_the_service_knows_it_and_tags_stay_where_it_does_not(two, tmp_path):
    config = replace_config(two, storage_classes=["STANDARD_IA"], tags=False)
    pair = two.pair(out=True)
    two.side(pair.source).put_object(
        Bucket=pair.source.bucket, Key="k", Body=b"x", StorageClass="STANDARD_IA", Tagging="a=b"
    )
    assert seed(two.engine(tmp_path), pair).copied == 1
    target = two.side(pair.destination)
    assert target.head_object(Bucket=pair.destination.bucket, Key="k")["StorageClass"] == "STANDARD_IA"
    assert target.get_object_tagging(Bucket=pair.destination.bucket, Key="k")["TagSet"] == []
    assert config.tags is False


def replace_config(two, **changes):
    two.config = two.config.model_copy(update=changes)
    environ = {"OTHER_ACCESS_KEY_ID": two.there.account, "OTHER_SECRET_ACCESS_KEY": "windlass-local"}
    two.services = Services([two.config], environ)
    return two.config


def test_two_buckets_of_one_service_are_copied_by_it_and_aws_is_not_asked(two, tmp_path):
    pair = two.pair()
    other = BucketRef(bucket=f"{pair.source.bucket}-2", service="other")
    two.there.s3().create_bucket(Bucket=other.bucket)
    pair = Pair(source=pair.source, destination=other)
    two.there.fill(pair.source.bucket, ["a b", "c"])

    class Untouched:
        def __getattr__(self, name):
            raise AssertionError(f"the estate was asked for its {name}")

    from windlass.replication.direct.direct_copier import DirectCopier

    two.aws.forget_calls()
    engine = DirectCopier(Untouched, tmp_path, limits=FAST, services=two.services)
    assert seed(engine, pair).copied == 2
    assert two.listed(other) == two.listed(pair.source)
    assert len(two.aws.calls(operation="CopyObject", bucket=other.bucket)) == 2
    assert not two.aws.calls(operation="GetObject", bucket=pair.source.bucket)


def is_read(asked, name=""):
    return asked.method == "GET" and "?" not in asked.path and name in asked.path


@pytest.mark.parametrize("body", [b"small" * 1000, LARGE], ids=["small", "large"])
def test_what_was_damaged_on_the_way_is_read_again(between, tmp_path, body):
    pair = between.pair()
    between.side(pair.source).put_object(Bucket=pair.source.bucket, Key="k", Body=body)
    damaged = []

    def damage(asked, said):
        if is_read(asked) and not damaged:
            damaged.append(asked.path)
            said.body = said.body[:1000] + bytes([said.body[1000] ^ 1]) + said.body[1001:]

    between.line.after = damage
    moved = seed(between.engine(tmp_path), pair)
    assert damaged
    assert (moved.copied, moved.failed) == (1, 0), moved.failures
    assert between.listed(pair.destination) == between.listed(pair.source)


@pytest.mark.parametrize("layout", ["one put", "equal parts", "small"])
def test_what_is_damaged_each_time_is_never_made(between, tmp_path, layout):
    pair = between.pair()
    source = between.side(pair.source)
    if layout == "small":
        source.put_object(Bucket=pair.source.bucket, Key="k", Body=b"small" * 1000)
    else:
        put(source, pair.source.bucket, "k", layout, "bare", "")
    dice = random.Random(1)

    def damage(asked, said):
        if is_read(asked):
            at = dice.randrange(len(said.body) - 1)
            said.body = said.body[:at] + bytes([said.body[at] ^ dice.randrange(1, 255)]) + said.body[at + 1 :]

    between.line.after = damage
    moved = seed(between.engine(tmp_path), pair)
    assert (moved.copied, moved.failed) == (0, 1)
    assert moved.failures[0].code == "BadDigest"
    assert between.listed(pair.destination) == {}
    assert between.uploads(pair.destination) == []


def test_nothing_damaged_is_made_where_nobody_looks_at_what_arrives(between, tmp_path):
    """The last piece is held back here: whether the destination checks what it gets makes no difference."""
    pair = between.pair()
    between.side(pair.source).put_object(Bucket=pair.source.bucket, Key="k", Body=LARGE)
    environ = {
        f"{name}_{key}": value
        for name in ("OTHER", "THIRD")
        for key, value in (("ACCESS_KEY_ID", between.there.account), ("SECRET_ACCESS_KEY", "windlass-local"))
    }
    between.services = Services([between.config, between.config.model_copy(update={"name": "third"})], environ)
    target = BucketRef(bucket=f"{pair.source.bucket}-2", service="third")
    between.there.s3().create_bucket(Bucket=target.bucket)
    dice = random.Random(1)

    def damage(asked, said):
        if is_read(asked):
            at = dice.randrange(len(said.body))
            said.body = said.body[:at] + bytes([said.body[at] ^ 1]) + said.body[at + 1 :]

    def unlooked(asked):
        for name in ("content-md5", "x-amz-checksum-crc32"):
            asked.headers.pop(name, None)

    between.line.before = unlooked
    between.line.after = damage
    moved = seed(between.engine(tmp_path), Pair(source=pair.source, destination=target))
    assert (moved.copied, moved.failed) == (0, 1)
    assert moved.failures[0].code == "BadDigest"
    assert between.listed(target) == {}


def test_opaque_etags_are_no_corruption(between, tmp_path):
    """A service whose ETags are no digests, and who does not look at conditions."""
    pair = between.pair()
    between.there.fill(pair.source.bucket, [f"{at:02}" for at in range(20)], b"content")
    between.side(pair.source).put_object(Bucket=pair.source.bucket, Key="large", Body=LARGE)

    def hide(asked, said):
        if "etag" in said.headers:
            said.headers["etag"] = said.headers["etag"][::-1]
        said.body = re.sub(rb"(<ETag>(?:&quot;|\")?)([0-9a-f]{32})", lambda found: found[1] + found[2][::-1], said.body)
        if asked.method != "HEAD":
            said.headers["content-length"] = str(len(said.body))

    between.line.before = lambda asked: asked.headers.pop("if-match", None)
    between.line.after = hide
    engine = between.engine(tmp_path)
    moved = seed(engine, pair)
    assert (moved.copied, moved.failed) == (21, 0), moved.failures
    assert between.listed(pair.destination).keys() == between.listed(pair.source).keys()
    got = between.side(pair.destination).get_object(Bucket=pair.destination.bucket, Key="large")
    assert got["Body"].read() == LARGE
    found = verified(engine, pair)
    assert (found.different, found.unknown) == (0, 20)  # of the large one, both sides have a checksum
    assert seed(engine, pair, seed_id="again").total == 0, "it was copied once more for its ETag's sake"


@pytest.mark.parametrize(
    ("written", "copied"), [("%SZ", 0), ("%S.123456789Z", 1), ("%S+00:00", 0)], ids=["whole", "nanoseconds", "offset"]
)
def test_times_are_compared_however_a_service_writes_them(between, tmp_path, written, copied):
    """The source's object is of the very second in which the destination's was made, or a part of a second later."""
    pair = between.pair()
    between.side(pair.source).put_object(Bucket=pair.source.bucket, Key="k", Body=b"x")
    engine = between.engine(tmp_path)
    assert seed(engine, pair).copied == 1
    (made,) = between.side(pair.destination).list_objects_v2(Bucket=pair.destination.bucket)["Contents"]
    at = made["LastModified"].strftime(f"%Y-%m-%dT%H:%M:{written}").encode()

    def rewrite(asked, said):
        said.body = re.sub(rb"<LastModified>[^<]*<", b"<LastModified>" + at + b"<", said.body)
        said.headers["content-length"] = str(len(said.body))

    between.line.after = rewrite
    assert seed(engine, pair, seed_id="again").copied == copied


@pytest.mark.parametrize("body", [b"small" * 1000, LARGE], ids=["small", "large"])
def test_a_body_that_is_cut_off_is_gone_on_with(between, tmp_path, body):
    pair = between.pair()
    between.side(pair.source).put_object(Bucket=pair.source.bucket, Key="k", Body=body)
    cuts = []

    def cut(asked, said):
        if is_read(asked) and len(cuts) < 2 and said.status < 300:
            cuts.append(asked.headers.get("range", ""))
            said.sent = len(said.body) // 2

    between.line.after = cut
    moved = seed(between.engine(tmp_path), pair)
    assert (moved.copied, moved.failed) == (1, 0), moved.failures
    assert len(cuts) == 2
    assert between.listed(pair.destination) == between.listed(pair.source)
    if body is LARGE:
        assert cuts[1] > cuts[0], "it began at the first byte once more"


@pytest.mark.parametrize(
    ("key", "body"), [("small", b"small" * 1000), ("large", LARGE), ("parts", None)], ids=["small", "large", "parts"]
)
def test_a_body_that_never_comes_whole_makes_nothing(between, tmp_path, key, body):
    pair = between.pair()
    source = between.side(pair.source)
    if body is None:
        put(source, pair.source.bucket, key, "equal parts", "bare", "")
    else:
        source.put_object(Bucket=pair.source.bucket, Key=key, Body=body)

    def shorten(asked, said):
        """Nothing says that it is short: the length is that of what is sent."""
        if is_read(asked, key):
            said.body = said.body[: len(said.body) // 2] if key == "small" else b""
            said.headers["content-length"] = str(len(said.body))

    between.line.after = shorten
    moved = seed(between.engine(tmp_path), pair)
    assert (moved.copied, moved.failed) == (0, 1)
    assert moved.failures[0].code == "IncompleteBody"
    assert between.listed(pair.destination) == {}
    assert between.uploads(pair.destination) == []


@pytest.mark.parametrize("heeds", [True, False], ids=["If-Match", "no If-Match"])
@pytest.mark.parametrize("layout", ["equal parts", "small"])
def test_what_is_replaced_while_it_is_copied_is_copied_as_it_is_then(between, tmp_path, layout, heeds):
    pair = between.pair()
    source = between.side(pair.source)
    now = body_of([5 * MIB, 5 * MIB, 2000]) if layout != "small" else b"newer and longer"
    if layout == "small":
        source.put_object(Bucket=pair.source.bucket, Key="k", Body=b"old")
    else:
        put(source, pair.source.bucket, "k", layout, "bare", "")
    replaced = []

    def before(asked):
        if is_read(asked, "/k") and not replaced and (layout == "small" or "bytes=5" in asked.headers["range"]):
            replaced.append(asked.headers.get("range"))
            source.put_object(Bucket=pair.source.bucket, Key="k", Body=now[::-1])
        if not heeds:
            asked.headers.pop("if-match", None)

    between.line.before = before
    moved = seed(between.engine(tmp_path), pair)
    assert replaced
    assert (moved.copied, moved.failed) == (1, 0), moved.failures
    got = between.side(pair.destination).get_object(Bucket=pair.destination.bucket, Key="k")
    assert got["Body"].read() == now[::-1]
    assert between.uploads(pair.destination) == [], "the parts of the old one are still there"


def test_what_is_beside_the_flow_begins_anew_by_itself(between, tmp_path):
    """Above what one put takes: nobody listed it for this copy, so that it is taken as it is now."""
    pair = between.pair()
    source = between.side(pair.source)
    put(source, pair.source.bucket, "k", "equal parts", "bare", "")
    replaced = []

    def before(asked):
        if is_read(asked, "/k") and not replaced and "bytes=5" in asked.headers["range"]:
            replaced.append(1)
            put(source, pair.source.bucket, "k", "odd parts", "bare", "")

    between.line.before = before
    moved = seed(between.engine(tmp_path, largest_bytes=MIB), pair)
    assert replaced
    assert (moved.copied, moved.failed) == (1, 0), moved.failures
    assert between.listed(pair.destination) == between.listed(pair.source)
    assert between.uploads(pair.destination) == []


def test_what_is_gone_when_its_turn_comes_is_no_failure(between, tmp_path):
    pair = between.pair()
    source = between.side(pair.source)
    for key in ("kept", "gone"):
        source.put_object(Bucket=pair.source.bucket, Key=key, Body=b"x")
    gone = []

    def before(asked):
        if is_read(asked, "/gone") and not gone:
            gone.append(1)
            source.delete_object(Bucket=pair.source.bucket, Key="gone")

    between.line.before = before
    moved = seed(between.engine(tmp_path), pair)
    assert (moved.total, moved.copied, moved.failed) == (1, 1, 0)
    assert list(between.listed(pair.destination)) == ["kept"]


FOUL = {
    "slow reads": [{"kind": "throttle", "service": "s3", "operation": "GetObject", "rate": 150}],
    "slow writes": [{"kind": "throttle", "service": "s3", "operation": "PutObject", "rate": 150}],
    "errors": [
        {"kind": "error", "service": "s3", "operation": "PutObject", "probability": 0.05},
        {"kind": "error", "service": "s3", "operation": "UploadPart", "probability": 0.3, "limit": 3},
        {"kind": "error", "service": "s3", "operation": "GetObject", "probability": 0.05},
    ],
    "dropped": [
        {"kind": "drop", "service": "s3", "operation": "PutObject", "probability": 0.03},
        {"kind": "drop", "service": "s3", "operation": "GetObject", "probability": 0.03},
    ],
}


@pytest.mark.parametrize("name", FOUL)
def test_foul_weather_costs_time_and_no_object(two, tmp_path, name):
    pair = two.pair()
    two.there.fill(pair.source.bucket, [f"{at % 5}/{at:05}" for at in range(250)])
    put(two.side(pair.source), pair.source.bucket, "equal", "equal parts", "bare", "")
    two.aws.faults(FOUL[name])
    moved = seed(two.engine(tmp_path, limits=SeedLimits()), pair)
    two.aws.faults([])
    assert (moved.copied, moved.failed) == (251, 0), moved.failures
    assert two.listed(pair.destination) == two.listed(pair.source)


def test_stopped_and_resumed_nothing_is_copied_twice_and_nothing_listed_again(two, tmp_path):
    pair = two.pair(versioned=True)
    keys = [f"{at % 3}/{at:05}" for at in range(400)]
    two.there.fill(pair.source.bucket, keys)
    engine, rounds = two.engine(tmp_path, limits=SeedLimits(start_per_s=120.0, most_per_s=200.0)), 0
    listed = []
    while True:
        rounds += 1
        stop = threading.Event()
        two.aws.forget_calls()

        timer = threading.Timer(0.9, stop.set)
        timer.start()
        try:
            moved = seed(engine, pair, stop=stop)
            break
        except Interrupted:
            listed.append(len(two.aws.calls(operation="ListObjectsV2", bucket=pair.source.bucket)))
        finally:
            timer.cancel()
    assert rounds >= 2, "it was never stopped: the test shows nothing"
    assert (moved.total, moved.copied, moved.failed) == (400, 400, 0)
    assert listed[1:] == [0] * (len(listed) - 1), "it listed again"
    pages = two.aws.s3().get_paginator("list_object_versions").paginate(Bucket=pair.destination.bucket)
    versions = [version["Key"] for page in pages for version in page.get("Versions", [])]
    assert sorted(versions) == sorted(keys), "an object was copied twice"


def test_workers_share_a_seed_at_a_service_that_heeds_conditions_and_are_refused_elsewhere(between, tmp_path):
    pair = between.pair(out=True)
    between.aws.fill(pair.source.bucket, ["a", "b"])
    moved = seed(between.engine(tmp_path), pair, distributed=True)
    assert (moved.copied, moved.failed) == (2, 0)
    assert list(between.listed(pair.destination)) == ["a", "b"]
    between.line.before = lambda asked: asked.headers.pop("if-none-match", None)
    with pytest.raises(UsageError, match="workers cannot share a seed there"):
        seed(between.engine(tmp_path), between.pair(out=True), seed_id="t", distributed=True)
