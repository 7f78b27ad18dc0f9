"""What the call log says a call names: told from requests as boto3 sends them."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from batch_jobs import control
from windlass_local.server import LocalServer

ACCOUNT = "414243444546"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
UUID = "a1b2c3d4-0000-4000-8000-000000000000"
TAGS = [{"Key": "a", "Value": "b"}]


@pytest.fixture(scope="module")
def server():
    with LocalServer() as running:
        yield running


@pytest.mark.parametrize(
    ("service", "operation", "params", "resource", "roles", "tagged"),
    [
        ("sqs", "create_queue", {"QueueName": "q", "tags": {"a": "b"}}, "q", (), True),
        ("sqs", "create_queue", {"QueueName": "q2"}, "q2", (), False),
        (
            "dynamodb",
            "list_tags_of_resource",
            {"ResourceArn": "arn:aws:dynamodb:us-east-1:1:table/t"},
            "arn:aws:dynamodb:us-east-1:1:table/t",
            (),
            False,
        ),
        ("events", "put_rule", {"Name": "n", "ScheduleExpression": "rate(1 day)", "Tags": TAGS}, "n", (), True),
        (
            "events",
            "put_targets",
            {"Rule": "n", "Targets": [{"Id": "i", "Arn": "arn:aws:sqs:us-east-1:1:q"}]},
            "n",
            (),
            False,
        ),
        ("logs", "create_log_group", {"logGroupName": "/g", "tags": {"a": "b"}}, "/g", (), True),
        ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": TAGS}, "r", (), True),
        ("lambda", "get_function", {"FunctionName": "f", "Qualifier": "live"}, "function:f:live", (), False),
        ("lambda", "get_event_source_mapping", {"UUID": UUID}, f"event-source-mapping:{UUID}", (), False),
        # The zip between name and tags is larger than what is looked at.
        (
            "lambda",
            "create_function",
            {"FunctionName": "f", "Role": ROLE, "Code": {"ZipFile": bytes(300_000)}, "Tags": {"a": "b"}},
            "function:f",
            (ROLE,),
            True,
        ),
        ("cloudfront", "get_distribution", {"Id": "E1"}, "distribution/E1", (), False),
        (
            "emr-serverless",
            "get_job_run",
            {"applicationId": "a", "jobRunId": "r"},
            "/applications/a/jobruns/r",
            (),
            False,
        ),
        (
            "emr-serverless",
            "start_job_run",
            {"applicationId": "a", "executionRoleArn": ROLE, "clientToken": "t"},
            "/applications/a",
            (ROLE,),
            False,
        ),
        ("emr", "list_steps", {"ClusterId": "j-1"}, "j-1", (), False),
        (
            "emr",
            "run_job_flow",
            {"Name": "n", "Instances": {}, "JobFlowRole": "one", "ServiceRole": "two", "Tags": TAGS},
            "",
            ("one", "two"),
            True,
        ),
        ("elasticache", "delete_cache_cluster", {"CacheClusterId": "web"}, "web", (), False),
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"", "Tagging": "a=b"}, "", (), True),
    ],
)
def test_a_call_tells_its_resource_the_roles_it_passes_and_its_tags(
    server, service, operation, params, resource, roles, tagged
):
    client = boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    server.gateway.calls.clear()
    try:
        getattr(client, operation)(**params)
    except ClientError:
        pass  # that there is no such thing is no matter: it was asked
    finally:
        client.close()
    (call,) = server.gateway.calls.find({})
    assert (call["resource"], tuple(call["roles"]), call["tagged"]) == (resource, roles, tagged)


def test_a_batch_job_is_named_by_its_id(server):
    client = control(server.url, account=ACCOUNT)
    server.gateway.calls.clear()
    with pytest.raises(ClientError):
        client.describe_job(AccountId=ACCOUNT, JobId="job-1")
    client.close()
    (call,) = server.gateway.calls.find({})
    assert (call["operation"], call["resource"]) == ("DescribeJob", "job/job-1")
