"""Direct copies of objects under customer keys (SSE-C): the right key, a wrong one, none, parts, versions; never a trace of it."""

import base64
import os
import threading
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config

from tests.replication.direct.local import copy_pair, verify_pair
from windlass.core.access import Access
from windlass.core.errors import ConfigError, Interrupted
from windlass.replication.config import CustomerKeyConfig
from windlass.replication.customer_keys import CustomerKey, CustomerKeys, PairKeys
from windlass.replication.direct.run import SeedLimits

SOURCE, TARGET, WRONG = (os.urandom(32) for _ in range(3))
PART = 5 << 20


def sse(key, of=""):
    return {f"{of}SSECustomerAlgorithm": "AES256", f"{of}SSECustomerKey": key}


def keys(tmp_path, pair, *, source=None, destination=None):
    configs = []
    for place, key in ((pair.source, source), (pair.destination, destination)):
        if key is not None:
            file = tmp_path / f"{place.bucket}.key"
            file.write_bytes(key)
            configs.append(CustomerKeyConfig(bucket=place.bucket, key_file=str(file)))
    return CustomerKeys(configs)


def seed(aws, tmp_path, pair, given, **more):
    engine = aws.engine(tmp_path / "journals", customer_keys=given, **more.pop("engine", {}))
    told = []
    asked = {"seed_id": "s", "versions": False} | more
    return copy_pair(engine, pair, stop=threading.Event(), on_progress=told.append, **asked)


@pytest.fixture
def pair(aws):
    made = aws.pair()
    for number in range(20):
        aws.s3().put_object(Bucket=made.source.bucket, Key=f"k{number:02}", Body=b"secret", **sse(SOURCE))
    return made


def read(aws, pair, key, **given):
    with aws.s3("eu-west-1").get_object(Bucket=pair.destination.bucket, Key=key, **given)["Body"] as body:
        return body.read()


@pytest.mark.parametrize("destination", [None, TARGET, SOURCE], ids=["none", "another", "the same"])
def test_objects_are_copied_with_the_keys_of_both_buckets(aws, pair, tmp_path, destination):
    given = keys(tmp_path, pair, source=SOURCE, destination=destination)
    moved = seed(aws, tmp_path, pair, given)
    assert (moved.copied, moved.failed) == (20, 0)
    assert read(aws, pair, "k07", **(sse(destination) if destination else {})) == b"secret"
    assert seed(aws, tmp_path, pair, given).copied == 0


def test_plain_objects_are_encrypted_with_the_destination_s_key(aws, tmp_path):
    pair = aws.pair()
    aws.s3().put_object(Bucket=pair.source.bucket, Key="k", Body=b"open", Tagging="team=web")
    assert seed(aws, tmp_path, pair, keys(tmp_path, pair, destination=TARGET)).copied == 1
    assert read(aws, pair, "k", **sse(TARGET)) == b"open"


def test_large_objects_are_copied_in_parts_with_both_keys(aws, tmp_path):
    pair = aws.pair()
    body = os.urandom(PART + 11)
    aws.s3().put_object(Bucket=pair.source.bucket, Key="large", Body=body, **sse(SOURCE))
    given = keys(tmp_path, pair, source=SOURCE, destination=TARGET)
    moved = seed(aws, tmp_path, pair, given, engine={"largest_bytes": PART, "part_bytes": PART})
    assert (moved.copied, moved.failed) == (1, 0)
    assert read(aws, pair, "large", **sse(TARGET)) == body


def test_versions_are_copied_with_both_keys(aws, tmp_path):
    pair = aws.pair(versioned=True)
    for body in (b"1", b"22"):
        aws.s3().put_object(Bucket=pair.source.bucket, Key="k", Body=body, **sse(SOURCE))
    given = keys(tmp_path, pair, source=SOURCE, destination=TARGET)
    moved = seed(aws, tmp_path, pair, given, versions=True)
    assert (moved.copied, moved.failed) == (2, 0)
    assert aws.histories(pair.destination) == {"k": [b"22", b"1"][::-1]}
    assert read(aws, pair, "k", **sse(TARGET)) == b"22"


def test_a_missing_key_fails_each_object_and_says_why(aws, pair, tmp_path):
    moved = seed(aws, tmp_path, pair, CustomerKeys())
    assert (moved.copied, moved.failed) == (0, 20)
    (trouble,) = moved.failures
    assert trouble.code == "InvalidRequest"
    assert "Server Side Encryption" in trouble.message


def test_a_wrong_key_copies_nothing(aws, pair, tmp_path):
    moved = seed(aws, tmp_path, pair, keys(tmp_path, pair, source=WRONG))
    assert (moved.copied, moved.failed) == (0, 20)
    assert [failure.code for failure in moved.failures] == ["AccessDenied"]
    assert aws.listed(pair.destination) == {}


def test_checksums_and_contents_are_compared_with_both_keys_and_etags_are_not(aws, pair, tmp_path):
    given = keys(tmp_path, pair, source=SOURCE, destination=TARGET)
    seed(aws, tmp_path, pair, given)
    engine = aws.engine(tmp_path / "journals", customer_keys=given)
    compared = verify_pair(engine, pair, stop=threading.Event(), on_progress=lambda _: None)
    assert (compared.objects, compared.different, compared.unknown) == (20, 0, 0)  # botocore's puts have a CRC-32
    for place, key in ((pair.source, SOURCE), (pair.destination, TARGET)):
        client = boto3.client(
            "s3",
            endpoint_url=aws.url,
            region_name=place.region,
            aws_access_key_id=aws.account,
            aws_secret_access_key="x",
            config=Config(request_checksum_calculation="when_required"),
        )
        client.put_object(Bucket=place.bucket, Key="without", Body=b"secret", **sse(key))
        client.close()
    compared = verify_pair(engine, pair, stop=threading.Event(), on_progress=lambda _: None)
    assert (compared.objects, compared.different, compared.unknown) == (21, 0, 1)
    sampled = verify_pair(engine, pair, stop=threading.Event(), on_progress=lambda _: None, sample=21)
    assert (sampled.read, sampled.different) == (21, 0)


def test_objects_of_the_destination_under_another_encryption_are_unknown(aws, pair, tmp_path):
    for number in range(20):
        aws.s3("eu-west-1").put_object(Bucket=pair.destination.bucket, Key=f"k{number:02}", Body=b"secret")
    engine = aws.engine(tmp_path / "journals", customer_keys=keys(tmp_path, pair, source=SOURCE, destination=TARGET))
    compared = verify_pair(engine, pair, stop=threading.Event(), on_progress=lambda _: None)
    assert (compared.different, compared.unknown) == (0, 20)


def test_a_distributed_seed_gives_the_keys_too(aws, pair, tmp_path):
    given = keys(tmp_path, pair, source=SOURCE, destination=TARGET)
    assert seed(aws, tmp_path, pair, given, distributed=True).copied == 20
    assert read(aws, pair, "k00", **sse(TARGET)) == b"secret"


def test_listings_and_bucket_calls_carry_no_key(aws, pair, tmp_path):
    access = PairKeys(CustomerKey.of(SOURCE, "f"), CustomerKey.of(TARGET, "f")).writing(
        aws.access("1", "eu-west-1", "s3")
    )
    assert access.headers_of("ListObjectsV2") == access.headers_of("GetBucketVersioning") == []
    assert len(access.headers_of("GetObject")) == len(access.headers_of("CompleteMultipartUpload")) == 3
    assert len(access.headers_of("UploadPartCopy")) == 6


def test_no_key_is_shown_or_kept(aws, pair, tmp_path, capfd, caplog):
    given = keys(tmp_path, pair, source=SOURCE, destination=TARGET)
    stopped = threading.Event()
    engine = aws.engine(tmp_path / "journals", customer_keys=given, limits=SeedLimits(start_per_s=5.0))
    told = []

    def tell(moved):
        told.append(moved)
        stopped.set()

    with pytest.raises(Interrupted):
        copy_pair(engine, pair, seed_id="s", versions=False, stop=stopped, on_progress=tell)
    wrong = seed(aws, tmp_path, pair, keys(tmp_path, pair, source=WRONG), seed_id="w")
    out = capfd.readouterr()
    shown = repr((told, wrong, given.of(pair), aws.calls(), caplog.text, out.out, out.err)).encode()
    kept = b"".join(file.read_bytes() for file in (tmp_path / "journals").rglob("*") if file.is_file())
    assert kept, "the journal of a stopped seed stays"
    for key in (SOURCE, TARGET, WRONG):
        for trace in (key, base64.b64encode(key), key.hex().encode(), repr(key).encode()):
            assert trace not in shown
            assert trace not in kept


def test_a_key_goes_over_https_only():
    given = PairKeys(CustomerKey.of(SOURCE, "f"))
    access = Access(service="s3", region="us-east-1", endpoint_url="http://s3.example.com", keys=lambda: None)
    with pytest.raises(ConfigError, match="HTTPS only"):
        given.reading(access)
    secure = given.reading(replace(access, endpoint_url="https://s3.example.com"))
    assert base64.b64encode(SOURCE).decode() not in repr(secure)
    assert PairKeys().reading(access) is access


def test_a_key_is_read_from_a_file_or_a_variable_and_its_errors_do_not_show_it(aws, pair, tmp_path):
    text = base64.b64encode(SOURCE).decode()
    file = tmp_path / "key"
    file.write_text(f"{text}\n")
    from_file = CustomerKeys([CustomerKeyConfig(bucket="*-source", key_file=str(file))]).of(pair)
    from_environment = CustomerKeys([CustomerKeyConfig(bucket="*-source", key_env="KEY")], {"KEY": text}).of(pair)
    assert from_file == from_environment
    assert (from_file.source is not None, from_file.destination) == (True, None)
    file.write_text("not a key: hunter2")
    for configs, reason in (
        ([CustomerKeyConfig(bucket="*", key_file=str(file))], "not a 256-bit key"),
        ([CustomerKeyConfig(bucket="*", key_file=str(tmp_path / "none"))], "No such file"),
        ([CustomerKeyConfig(bucket="*", key_env="NONE")], "variable NONE"),
    ):
        with pytest.raises(ConfigError, match=reason) as error:
            CustomerKeys(configs, {}).of(pair)
        assert "hunter2" not in f"{error.value} {error.value.hint}"


def test_a_key_needs_exactly_one_place():
    for given in ({}, {"key_file": "a", "key_env": "B"}):
        with pytest.raises(ValueError, match="exactly one"):
            CustomerKeyConfig(bucket="b", **given)
