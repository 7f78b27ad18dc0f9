"""The sample estate shows every feature of a bucket for any random seed, the same code, nothing run in Docker."""

import json

import pytest

from s3_clients import client, fresh
from windlass_local.sample_estate.identity import trust
from windlass_local.sample_estate.plan import _FEATURES, plan_buckets
from windlass_local.sample_estate.workloads import handler_zip


@pytest.mark.parametrize("random_seed", range(20))
def test_every_seed_shows_every_feature_and_few_public_buckets(random_seed):
    buckets = plan_buckets(random_seed, 1)
    assert set().union(*(bucket.features for bucket in buckets)) == set(_FEATURES)
    public = [bucket for bucket in buckets if "public-read" in bucket.features]
    assert 1 <= len(public) <= len(buckets) / 5


def test_a_function_is_the_same_bytes_each_time():
    assert handler_zip() == handler_zip()


def test_a_function_is_answered_without_docker(local_aws, capfd):
    name, functions = fresh("random_seed-estate"), client(local_aws.url, "lambda", region="eu-central-1")
    role = client(local_aws.url, "iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda"))["Role"][
        "Arn"
    ]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="handler.handler",
        Code={"ZipFile": handler_zip()},
    )
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"Records": []}))
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    message = capfd.readouterr()
    assert "docker" not in (message.out + message.err).lower()
