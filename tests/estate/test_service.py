"""Calls against the embedded AWS: paging, errors with what to do, roles, organizations, regions, retries."""

import os

import boto3
import pytest

from windlass.core.errors import AccessDenied, AwsError, ConfigError, NotFound, Throttled
from windlass.estate.clients import check_long_poll
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass_local.server import LocalServer

ONE = "111111111111"


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture
def faults(aws):
    yield aws.gateway.faults
    aws.gateway.faults.load([])


@pytest.fixture
def estate(aws):
    config = EstateConfig(endpoint_url=aws.url, accounts=[AccountConfig(id=ONE)], regions=["us-east-1", "eu-west-1"])
    with open_estate(config, os.environ) as opened:
        yield opened


def test_every_page_is_walked_with_and_without_a_paginator(estate):
    for number in range(7):
        estate.call(ONE, "us-east-1", "s3", "CreateBucket", Bucket=f"paged-{number}")
        configuration = {"Id": f"m{number}"}
        estate.call(
            ONE,
            "us-east-1",
            "s3",
            "PutBucketMetricsConfiguration",
            Bucket="paged-0",
            Id=f"m{number}",
            MetricsConfiguration=configuration,
        )
    pages = list(estate.pages(ONE, "us-east-1", "s3", "ListBuckets", MaxBuckets=3, Prefix="paged-"))
    assert [len(page["Buckets"]) for page in pages] == [3, 3, 1]
    listed = [
        entry
        for page in estate.pages(ONE, "us-east-1", "s3", "ListBucketMetricsConfigurations", Bucket="paged-0")
        for entry in page["MetricsConfigurationList"]
    ]
    assert len(listed) == 7


def test_errors_are_ours_and_say_where(estate):
    with pytest.raises(NotFound, match="s3 GetBucketPolicy in us-east-1 of 111111111111: NoSuchBucket") as caught:
        estate.call(ONE, "us-east-1", "s3", "GetBucketPolicy", Bucket="not-there-at-all")
    assert caught.value.code == "NoSuchBucket"
    with pytest.raises(AwsError) as caught:
        estate.call(ONE, "us-east-1", "pricing", "DescribeServices")
    assert caught.value.code == "NotImplemented"


def test_a_denied_call_names_the_permission(estate, faults):
    faults.load([{"kind": "access_denied", "service": "ec2"}])
    with pytest.raises(AccessDenied) as caught:
        estate.call(ONE, "eu-west-1", "ec2", "DescribeVpcs")
    assert caught.value.code == "UnauthorizedOperation"
    assert "ec2:DescribeVpcs" in caught.value.hint


@pytest.mark.parametrize("service", ["s3", "ec2", "dynamodb", "sqs", "iam"])
def test_throttling_is_retried_counted_and_at_last_said(estate, faults, service, monkeypatch):
    monkeypatch.setattr(estate._pacer, "_sleep", lambda _: None)
    operation = {
        "s3": "ListBuckets",
        "ec2": "DescribeVpcs",
        "dynamodb": "ListTables",
        "sqs": "ListQueues",
        "iam": "ListRoles",
    }[service]
    faults.load([{"kind": "throttle", "service": service, "limit": 3}])
    estate.call(ONE, "us-east-1", service, operation)
    assert estate.throttle_stats()[0].throttled == 3
    faults.load([{"kind": "throttle", "service": service}])
    with pytest.raises(Throttled):
        estate.call(ONE, "us-east-1", service, operation)


def test_a_passing_fault_is_not_seen(estate, faults, aws):
    faults.load([{"kind": "error", "service": "sqs", "status": 503, "code": "ServiceUnavailable", "limit": 2}])
    estate.call(ONE, "us-east-1", "sqs", "ListQueues")
    assert aws.gateway.faults.dump()[0]["used"] == 2


def test_a_role_in_another_account_is_assumed(aws):
    config = EstateConfig(
        endpoint_url=aws.url,
        accounts=[AccountConfig(id=ONE), AccountConfig(id="222222222222", role="Reader", session_name="nightly")],
    )
    with open_estate(config, os.environ) as estate:
        arns = [identity.arn for identity in estate.whoami().identities]
    assert arns[1] == "arn:aws:sts::222222222222:assumed-role/Reader/nightly"


def test_the_organization_lists_its_accounts_below_a_unit(aws, monkeypatch):
    boss = "444444444444"
    client = boto3.client(
        "organizations",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id=boss,
        aws_secret_access_key="x",
    )
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name="apps")["OrganizationalUnit"]["Id"]
    for account in ("555555555555", "666666666666"):
        client.create_account(Email=f"{account}@x.example", AccountName=f"a{account[0]}")
    client.move_account(AccountId="666666666666", SourceParentId=root, DestinationParentId=unit)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", boss)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    whole = EstateConfig(allow_endpoint_override=True, organization=True, accounts=[])
    with open_estate(whole, os.environ) as estate:
        assert {entry.id for entry in estate.accounts()} == {boss, "555555555555", "666666666666"}
    with open_estate(whole.model_copy(update={"organization_units": [unit]}), os.environ) as estate:
        assert [entry.alias for entry in estate.accounts()] == ["a6"]


def test_enabled_regions_are_of_one_partition(aws):
    with open_estate(EstateConfig(endpoint_url=aws.url), os.environ) as estate:
        regions = estate.regions(ONE)
    assert "eu-west-1" in regions
    assert not [name for name in regions if name.startswith(("cn-", "us-gov-"))]


def test_a_client_is_made_once_and_shared(estate):
    assert estate.client(ONE, "us-east-1", "s3") is estate.client(ONE, "us-east-1", "s3")
    config = estate.client(ONE, "us-east-1", "s3").meta.config
    assert config.tcp_keepalive
    assert config.max_pool_connections == 64


def test_a_long_poll_needs_a_longer_read_timeout():
    check_long_poll(20, 30)
    with pytest.raises(ConfigError, match="too short for a long poll of 20 s") as caught:
        check_long_poll(20, 25)
    assert "at least 30" in caught.value.hint
