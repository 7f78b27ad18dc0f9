"""Which regions an account has when reads are denied: each source in turn, and which one it was is said."""

import os

import pytest

from tests import botocore_models
from tests.estate.aws_identities import Identities
from windlass.core.errors import AwsError, ConfigError
from windlass.core.regions import DEFAULT_REGIONS, needs_opt_in
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.model import RegionSource
from windlass.estate.regions import list_regions
from windlass.estate.service import open_estate

ONE, TWO = "111111111111", "222222222222"
EC2, ACCOUNT = ("ec2", "DescribeRegions"), ("account", "listRegions")


@pytest.fixture(scope="module")
def aws():
    with Identities() as world:
        yield world


def refusing(*calls, codes=("AccessDenied", "UnauthorizedOperation")):
    return lambda call: codes[call.service == "ec2"] if (call.service, call.action) in calls else ""


@pytest.mark.parametrize(
    ("refused", "known", "source", "regions"),
    [
        ((), (), RegionSource.EC2, ("ca-central-1", "me-south-1")),
        ((EC2,), ("eu-west-3",), RegionSource.ACCOUNT, ("ca-central-1", "me-south-1")),
        ((EC2, ACCOUNT), ("eu-west-3", "cn-north-1"), RegionSource.LAST_KNOWN, ("eu-west-3",)),
        ((EC2, ACCOUNT), (), RegionSource.DEFAULTS, DEFAULT_REGIONS["aws"]),
    ],
)
def test_each_source_follows_the_one_before(aws, monkeypatch, refused, known, source, regions):
    aws.enabled_regions, aws.refuse = ("me-south-1", "ca-central-1", "us-gov-east-1"), refusing(*refused)
    for name, value in aws.environ(ONE).items():
        monkeypatch.setenv(name, value)
    config = EstateConfig(allow_endpoint_override=True)
    with open_estate(config, os.environ, last_regions={ONE: known}.__getitem__) as estate:
        listed = estate.region_list(ONE)
        assert estate.regions(ONE) == listed.regions
    assert (listed.source, listed.regions) == (source, regions)
    assert listed.source.current == (source in (RegionSource.EC2, RegionSource.ACCOUNT))
    assert len(listed.failures) == len(refused)
    assert all("in" in failure and ONE in failure for failure in listed.failures), (
        "each says what was refused, and where"
    )


def test_one_refused_account_says_why_and_the_others_list_theirs(aws, monkeypatch):
    aws.enabled_regions = ("eu-west-1",)
    aws.refuse = lambda call: "AccessDenied" if call.params.get("RoleArn", "").startswith(f"arn:aws:iam::{TWO}") else ""
    for name, value in aws.environ(ONE).items():
        monkeypatch.setenv(name, value)
    accounts = [AccountConfig(id=ONE), AccountConfig(id=TWO, role="Reader")]
    with open_estate(EstateConfig(allow_endpoint_override=True, accounts=accounts), os.environ) as estate:
        assert estate.region_list(ONE).source is RegionSource.EC2
        refused = estate.region_list(TWO)
    assert refused.source is RegionSource.DEFAULTS
    assert "may not assume arn:aws:iam::222222222222:role/Reader" in refused.failures[0]


def test_without_any_credentials_there_is_nothing_to_fall_back_to():
    with open_estate(EstateConfig(accounts=[AccountConfig(id=ONE)]), {}) as estate, pytest.raises(ConfigError):
        estate.region_list(ONE)


def test_a_list_without_a_region_of_the_partition_is_no_answer():
    def pages(region, service, operation, **params):
        yield {"Regions": [{"RegionName": "us-east-1"}]}

    listed = list_regions(pages, ONE, home_region="cn-north-1", partition="aws-cn", last=lambda _: ())
    assert listed.source is RegionSource.DEFAULTS
    assert listed.regions == ("cn-north-1", "cn-northwest-1")


def test_silence_is_no_answer_either():
    def pages(region, service, operation, **params):
        raise AwsError(f"{service} {operation} in {region} of {ONE}: no answer in time", code="ReadTimeout")
        yield

    assert list_regions(pages, ONE, home_region="eu-west-1", partition="aws", last=lambda _: ()).failures


def test_the_default_regions_are_those_that_botocore_knows():
    session = botocore_models.session()
    for partition, names in DEFAULT_REGIONS.items():
        assert set(names) <= set(session.get_available_regions("ec2", partition)), partition
        assert not any(needs_opt_in(name) for name in names)
    assert needs_opt_in("ap-east-1")
    assert needs_opt_in("mx-central-1")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "us-east-1"),
        ({"home_region": "eu-central-1"}, "eu-central-1"),
        ({"home_region": "eu-central-1", "s3_home_region": "eu-west-3"}, "eu-west-3"),
        ({"regions": ["cn-north-1"]}, "cn-north-1"),
    ],
)
def test_buckets_are_listed_in_the_region_that_policies_allow(aws, monkeypatch, config, expected):
    aws.refuse = lambda call: ""
    aws.taken()
    for name, value in aws.environ(ONE).items():
        monkeypatch.setenv(name, value)
    with open_estate(EstateConfig(allow_endpoint_override=True, **config), os.environ) as estate:
        estate.call(ONE, "aws-global", "s3", "ListBuckets", MaxBuckets=1)
    assert [call.region for call in aws.taken() if call.service == "s3"] == [expected]
