"""The generic client sends what botocore's client sends, byte for byte, and reads what it reads, errors included."""

import random
import zlib

import pytest

from tests.aws.generated import MODELS, NOW, TOKEN, Pair, answer_document, error_document, request_params
from tests.examples import examples
from tests.inventory.model_server import OPERATIONS
from windlass.aws.exchange import Unsupported
from windlass.aws.limits import unsupported_params

READS = set(OPERATIONS) | {  # what the inventory's own code calls
    ("account", "ListRegions"),
    ("cloudwatch", "GetMetricData"),
    ("ec2", "DescribeRegions"),
    ("s3", "GetBucketLocation"),
    ("s3", "HeadBucket"),
    ("sts", "GetCallerIdentity"),
}


@pytest.fixture(autouse=True)
def _fixed(monkeypatch):
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: NOW.replace(tzinfo=None))
    monkeypatch.setattr("botocore.handlers.uuid.uuid4", lambda: TOKEN)


@pytest.fixture(scope="module")
def pair():
    return Pair()


def compare(pair, service, operation, region, seed):
    """Compare one generated call: its request, the answer to it, and an error in its place."""
    rng = random.Random(zlib.crc32(f"{service}.{operation}.{seed}".encode()))
    params = request_params(service, operation, rng)
    if unsupported_params(service, params):
        return
    for make in (answer_document, error_document):
        pair.network.answer = make(service, operation, rng)
        try:
            result = pair.generic(service, region, operation, dict(params))
        except Unsupported:
            return  # the endpoint's rules want a signature that is left to botocore
        assert result == pair.botocore(service, region, operation, dict(params)), (service, operation, params)


UNSUPPORTED = {key: reason for key in READS if (reason := MODELS.operation(*key).unsupported)}


def test_nearly_everything_of_the_catalogue_is_supported():
    """The rest is left to botocore: requests of S3 Control with a checksum, and Timestream's endpoint discovery."""
    assert {(service, reason) for (service, _), reason in UNSUPPORTED.items()} == {
        ("s3control", "its request carries a checksum"),
        ("timestream-write", "its endpoint comes from another call"),
    }
    assert len(UNSUPPORTED) * 30 < len(READS)


@pytest.mark.parametrize("key", sorted(READS - UNSUPPORTED.keys()), ids=".".join)
def test_the_catalogue(pair, key):
    """In three regions; `make test` tries one of them, drawn in each run."""
    regions = list(enumerate(("us-east-1", "eu-west-1", "us-gov-west-1")))
    for seed, region in random.sample(regions, examples(len(regions), least=1)):
        compare(pair, *key, region, seed)
