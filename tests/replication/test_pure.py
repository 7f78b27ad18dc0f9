"""Pairs, choices, prices, templates, uploads: decisions without AWS."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from windlass.core.errors import AwsError, UsageError
from windlass.replication.config import ReplicateConfig, ReplicationConfig
from windlass.replication.effects import Effect, perform, rows
from windlass.replication.methods.batch.template import Template, load_template, print_template
from windlass.replication.methods.batch.upload import part_sizes, upload
from windlass.replication.model import BucketRef, Method, Operation, Pair, Volume
from windlass.replication.planning.cost import KmsKeys, estimate
from windlass.replication.planning.method_choice import MethodConstraints, choose
from windlass.replication.planning.pairs import by_pattern, check_pairs, destination_name, parse_location, place_pairs

CONFIG = ReplicationConfig()
PAIR = Pair(source=BucketRef(bucket="a1a", region="us-east-1"), destination=BucketRef(bucket="b1b", region="eu-west-1"))


def volume(objects, size_bytes=1000, **more):
    return Volume(objects=objects, size_bytes=objects * size_bytes, **more)


def test_patterns_capture_and_skip_their_own_replicas():
    names = ["prod-logs", "prod-tiles", "prod-logs-replica", "dev-logs"]
    assert by_pattern(names, "prod-*", "{name}-replica") == (
        ("prod-logs", "prod-logs-replica"),
        ("prod-tiles", "prod-tiles-replica"),
    )
    assert by_pattern(names, "*-logs", "dr-{1}-{region}", {"dev-logs": "eu-west-1", "prod-logs": "us-east-1"}) == (
        ("dev-logs", "dr-dev-eu-west-1"),
        ("prod-logs", "dr-prod-us-east-1"),
    )
    with pytest.raises(UsageError, match="has no value"):
        destination_name("{2}", "x", ["one"])
    with pytest.raises(UsageError, match="not a valid bucket name"):
        destination_name("{name}_UP", "logs")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("logs", ("logs", "")), ("s3://logs/2026/x", ("logs", "2026/x")), ("arn:aws-cn:s3:::logs", ("logs", ""))],
)
def test_a_location_is_read(text, wanted):
    assert parse_location(text) == wanted


def test_bad_pairs_are_refused():
    known = {"aaa": ("1", "us-east-1")}
    with pytest.raises(UsageError, match="its own replica"):
        check_pairs(place_pairs([("aaa", "s3://aaa/x")], known))
    with pytest.raises(UsageError, match="several sources"):
        check_pairs(place_pairs([("aaa", "ccc"), ("bbb", "ccc")], known))
    with pytest.raises(UsageError, match="no pair"):
        check_pairs(())
    with pytest.raises(UsageError, match="is not a bucket name"):
        parse_location("s3://")
    check_pairs(place_pairs([("aaa/x", "ccc"), ("aaa/y", "ccc")], known))


@pytest.mark.parametrize(
    ("asked", "operation", "situation", "count", "method", "wanted"),
    [
        (Method.AUTO, None, MethodConstraints(replicating=True), 10, Method.BATCH, Operation.REPLICATE),
        (Method.AUTO, None, MethodConstraints(replicating=False), 1000, Method.DIRECT, Operation.COPY),
        (Method.AUTO, Operation.COPY, MethodConstraints(replicating=True), 1000, Method.DIRECT, Operation.COPY),
        (Method.AUTO, None, MethodConstraints(replicating=False), 9_000_000, Method.BATCH, Operation.COPY),
        (Method.AUTO, None, MethodConstraints(replicating=False, detached=True), 10, Method.BATCH, Operation.COPY),
        (
            Method.AUTO,
            None,
            MethodConstraints(replicating=True, other_services=("minio",), one_service=False),
            10**9,
            Method.DIRECT,
            Operation.COPY,
        ),
        (Method.AUTO, None, MethodConstraints(replicating=False), 10**11, Method.EMR, Operation.COPY),
        (Method.DIRECT, None, MethodConstraints(replicating=True), 10, Method.DIRECT, Operation.COPY),
        (Method.AUTO, Operation.LAMBDA, MethodConstraints(replicating=False), 10, Method.BATCH, Operation.LAMBDA),
    ],
)
def test_auto_chooses_a_method_with_a_reason(asked, operation, situation, count, method, wanted):
    config = ReplicationConfig(batch_objects_per_s=5000)
    result = choose(PAIR, volume(count), asked, operation, situation, config)
    assert (result.method, result.operation) == (method, wanted)
    assert result.why
    assert result.estimate.usd > 0


@pytest.mark.parametrize(
    ("asked", "operation", "situation"),
    [
        (Method.DIRECT, Operation.REPLICATE, MethodConstraints(replicating=True)),
        (Method.BATCH, None, MethodConstraints(replicating=True, other_services=("minio",), one_service=False)),
        (Method.AUTO, Operation.REPLICATE, MethodConstraints(replicating=False)),
        (Method.DIRECT, None, MethodConstraints(replicating=False, detached=True)),
    ],
)
def test_impossible_methods_are_refused(asked, operation, situation):
    with pytest.raises(UsageError):
        choose(PAIR, volume(10), asked, operation, situation, CONFIG)


def test_prices_add_up():
    result = estimate(Method.BATCH, Operation.COPY, PAIR, volume(1_000_000, 1_000_000), CONFIG, KmsKeys(source=True))
    assert result.parts == pytest.approx({"requests": 5.4, "transfer": 20.0, "kms": 3.0, "batch": 1.25})
    assert result.usd == pytest.approx(29.65)
    own = ReplicationConfig(prices={"batch_job": 0.0, "transfer_per_gb": 0.0})
    assert estimate(Method.BATCH, Operation.COPY, PAIR, volume(0), own).usd == 0
    same = Pair(source=PAIR.source, destination=BucketRef(bucket="ccc", region="us-east-1"))
    assert estimate(Method.DIRECT, Operation.COPY, same, volume(1), CONFIG).parts["transfer"] == 0


def test_only_what_is_missing_is_paid_for():
    result = estimate(Method.DIRECT, Operation.COPY, PAIR, volume(1000, missing=0, missing_bytes=0), CONFIG)
    assert result.usd == pytest.approx(0.00001)  # two listings


@pytest.mark.parametrize("as_json", [False, True])
def test_a_template_comes_back_as_it_was(tmp_path, as_json):
    template = Template.model_validate(
        {
            "operation": "copy",
            "tags": {"a b": 'q"'},
            "copy": {"StorageClass": "STANDARD_IA"},
            "lambda": {"arguments": {"x": "1"}},
        }
    )
    file = tmp_path / ("t.json" if as_json else "t.toml")
    file.write_text(print_template(template, as_json=as_json))
    assert load_template(file) == template


def test_every_key_of_the_printed_template_has_its_meaning():
    text = print_template(Template(), as_json=False)
    assert tomllib.loads(text)["report"]["scope"] == "FailedTasksOnly"
    assert all("  # " in line for line in text.splitlines() if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize("text", ["operation = 'move'", "= 1", "[copy]\nStorageClas = 'X'", "priority = -1"])
def test_a_bad_template_error_names_the_place(tmp_path, text):
    file = tmp_path / "t.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"t\.toml"):
        load_template(file)
    with pytest.raises(UsageError):
        load_template(Path(tmp_path / "none.json"))


@pytest.mark.parametrize(
    "values",
    [{"name": "x"}, {"name": "x", "source": "a*"}, {"name": "x", "source": "a", "query": "tag:b", "destination": "c"}],
)
def test_a_set_has_one_source(values):
    with pytest.raises(ValidationError):
        ReplicateConfig.model_validate(values)


class Uploads:
    """S3 that remembers what it was sent."""

    def __init__(self, fail_at=0):
        self.calls, self.fail_at = [], fail_at

    def __call__(self, operation, **params):
        self.calls.append((operation, params))
        if operation == "UploadPart" and params["PartNumber"] == self.fail_at:
            raise AwsError("no")
        return {"UploadId": "u", "ETag": f'"e{len(self.calls)}"'}


def test_small_manifests_are_put_and_large_ones_uploaded_in_parts():
    small = Uploads()
    assert upload(small, "b", "k", [b"ab", b"c"]).size_bytes == 3
    assert [name for name, _ in small.calls] == ["PutObject"]
    large = Uploads()
    done = upload(large, "b", "k", (b"x" * 7 for _ in range(10)), first_bytes=20)
    assert [name for name, _ in large.calls] == [
        "CreateMultipartUpload",
        *["UploadPart"] * 4,
        "CompleteMultipartUpload",
    ]
    assert done.size_bytes == 70
    assert done.etag == "e6"


def test_a_failed_upload_leaves_nothing():
    calls = Uploads(fail_at=2)
    with pytest.raises(AwsError):
        upload(calls, "b", "k", (b"x" * 7 for _ in range(10)), first_bytes=20)
    assert calls.calls[-1][0] == "AbortMultipartUpload"


def test_ten_thousand_parts_hold_the_largest_job():
    sizes = list(part_sizes())
    assert len(sizes) == 10_000
    assert sum(sizes) > 20_000_000_000 * 40
    assert max(sizes) < 512 * 1024**2


class Iam:
    """Knows a role only after some calls, and has one policy already."""

    def __init__(self):
        self.asked = 0

    def call(self, account, region, service, operation, /, **params):
        self.asked += 1
        if operation == "CreateRole":
            raise AwsError("it is there", code="EntityAlreadyExists")
        if self.asked < 4:
            raise AwsError("the role can't be assumed", code="InvalidRequest")
        return {"JobId": "j"}


def test_effects_wait_for_a_new_role_and_take_what_is_there():
    base = {"account_id": "1", "region": "r", "params": {"RoleName": "x"}, "why": "because"}
    effects = [
        Effect(**base, service="iam", operation="CreateRole", already=("EntityAlreadyExists",)),
        Effect(**base, service="s3control", operation="DescribeJob", settles=True),
    ]
    slept = []
    assert perform(Iam(), effects, settle_s=60, sleep=slept.append) == [{}, {"JobId": "j"}]
    assert len(slept) == 2
    with pytest.raises(AwsError):
        perform(Iam(), effects, settle_s=0, sleep=slept.append)
    assert rows(effects)[0] | {"params": {}} == {
        "call": "iam CreateRole",
        "on": "x",
        "account_id": "1",
        "region": "r",
        "why": "because",
        "params": {},
    }
