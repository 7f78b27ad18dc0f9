"""What the demo estate shows: every feature of a bucket for any seed, rare things in their homes, nothing run in Docker."""

import json

import pytest
from tests.local.s3_clients import client

from windlass.local.seed.clients import Clients, Place
from windlass.local.seed.network import build_network
from windlass.local.seed.plan import _FEATURES, plan_buckets
from windlass.local.seed.platform import HOMES, build_platform
from windlass.local.seed.workloads import handler_zip


@pytest.mark.parametrize("seed", range(20))
def test_every_seed_shows_every_feature_and_few_public_buckets(seed):
    buckets = plan_buckets(seed, 1)
    assert set().union(*(bucket.features for bucket in buckets)) == set(_FEATURES)
    public = [bucket for bucket in buckets if "public-read" in bucket.features]
    assert 1 <= len(public) <= len(buckets) / 5


def test_a_function_is_the_same_bytes_each_time():
    assert handler_zip() == handler_zip()


@pytest.fixture
def clients(local_aws):
    opened = Clients(local_aws.url)
    yield opened
    opened.close()


@pytest.fixture
def pair(local_aws):
    """A home of the rare things with two buckets."""
    account_id, region = sorted(HOMES)[0]
    s3 = client(local_aws.url, account_id=account_id, region=region)
    found = [bucket for bucket in plan_buckets(7, 1) if (bucket.account_id, bucket.region) == (account_id, region)][:2]
    for bucket in found:
        s3.create_bucket(Bucket=bucket.name)
    return found


def test_the_rare_things_are_made_in_their_homes_and_nowhere_else(clients, pair):
    home = Place(clients, pair[0].account_id, pair[0].region)
    network = build_network(home)
    clients.created.clear()
    build_platform(Place(clients, "333333333333", "eu-west-1"), network, pair)
    assert not clients.created
    build_platform(home, network, pair)
    assert set(clients.created) == {
        "rds.cluster", "elasticache.replication-group", "kafka.cluster", "batch.compute-environment", "batch.job-queue",
        "lambda.layer", "glue.job", "datasync.location", "datasync.task",
    }  # fmt: skip
    assert not clients.skipped
    task = home.client("datasync").list_tasks()["Tasks"][0]
    assert home.client("datasync").describe_task(TaskArn=task["TaskArn"])["Name"] == "nightly-copy"


def test_a_function_is_answered_without_docker(local_aws, capfd):
    functions = client(local_aws.url, "lambda", region="eu-central-1")
    functions.create_function(
        FunctionName="seed-estate", Runtime="python3.12", Role="arn:aws:iam::111111111111:role/any", Handler="handler.handler",
        Code={"ZipFile": handler_zip()},
    )  # fmt: skip
    answer = functions.invoke(FunctionName="seed-estate", Payload=json.dumps({"Records": []}))
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    said = capfd.readouterr()
    assert "docker" not in (said.out + said.err).lower()
