"""Aggregation as a Lambda function of the embedded AWS: objects, SQS mappings for events and timers, and the actions."""

import io
import json
import time
import zipfile

import boto3
import pytest

from windlass_local.server import LocalServer

ACCOUNT = "777788880023"
ACTS = """
def look(summary, context):
    count = len(context.call("s3", "ListObjectsV2", Bucket=summary.bucket).get("Contents", ()))
    body = f"{summary.events} {count}".encode()
    context.call("s3", "PutObject", Bucket="lambda-seen", Key=context.attempt, Body=body)
"""
CONFIG = f"""
[estate]
accounts = [{{ id = "{ACCOUNT}" }}]
home_region = "us-east-1"

[[aggregate]]
name = "look"
queue = "lambda-events"
window_s = 2
table = "lambda-agg"
timers = "lambda-timers"
action = {{ kind = "python", function = "acts:look" }}
"""


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def client(aws):
    clients = []

    def make(service):
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": "us-east-1"}
        clients.append(boto3.client(service, endpoint_url=aws.url, **keys))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def deployed(client):
    s3, sqs, functions = client("s3"), client("sqs"), client("lambda")
    s3.create_bucket(Bucket="lambda-drop")
    s3.create_bucket(Bucket="lambda-seen")
    client("dynamodb").create_table(
        TableName="lambda-agg",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    arns = {}
    for name in ("lambda-events", "lambda-timers"):
        url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
        arns[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket="lambda-drop",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arns["lambda-events"], "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("windlass.toml", CONFIG)
        archive.writestr("acts.py", ACTS)
    role = client("iam").create_role(
        RoleName="aggregator", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    functions.create_function(
        FunctionName="aggregator",
        Runtime="python3.12",
        Handler="windlass.functions.aggregate.handler",
        Timeout=20,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code.getvalue()},
    )
    for name, batch in (("lambda-events", 100), ("lambda-timers", 10)):
        functions.create_event_source_mapping(
            EventSourceArn=arns[name],
            FunctionName="aggregator",
            BatchSize=batch,
            MaximumBatchingWindowInSeconds=1,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
    return s3, functions


@pytest.mark.timeout(120)
def test_many_objects_become_few_actions_that_cover_all(deployed):
    s3, functions = deployed
    for number in range(60):
        s3.put_object(Bucket="lambda-drop", Key=f"o{number}", Body=b"x")
    deadline = time.monotonic() + 60
    outputs = []
    while (
        not any(output.endswith(" 60") for output in outputs) or sum(int(output.split()[0]) for output in outputs) < 60
    ):
        assert time.monotonic() < deadline, outputs
        time.sleep(0.5)
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="lambda-seen").get("Contents", ())]
        outputs = [s3.get_object(Bucket="lambda-seen", Key=key)["Body"].read().decode() for key in keys]
    assert len(outputs) <= 6
    answer = functions.invoke(FunctionName="aggregator", Payload=json.dumps({"detail-type": "Scheduled Event"}))
    assert json.load(answer["Payload"]) == {"repaired_timers": 0}
