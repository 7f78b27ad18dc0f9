"""The zips that `windlass build lambda` makes run as functions of the embedded AWS: everything they import comes out of the zip."""

import io
import json
import os
import random
import sys
import time
import zipfile
from pathlib import Path

import boto3
import pytest

from tests.command import run_windlass
from windlass.deploy.bundle import this_platform
from windlass_local.server import LocalServer

pytestmark = pytest.mark.skipif(this_platform() is None, reason="this interpreter is none of Lambda's")
PROBE = """
import importlib, sys

def handler(event, context):
    import windlass.functions.pipeline
    names = ("windlass", "windlass.functions.pipeline", "windlass.wire.client", "pydantic", "orjson", "httptools", "structlog")
    return {
        "files": {name: importlib.import_module(name).__file__ for name in names},
        "heavy": [name for name in ("sqlalchemy", "typer", "fastapi", "prometheus_client") if name in sys.modules],
    }
"""
PIPELINE = """
[estate]
regions = ["us-east-1"]
[[pipeline]]
name = "zip-it"
source = "s3://in-{account}/"
target = "s3://out-{account}/{{key}}.gz"
on_error = "s3://err-{account}/"
transform = {{ step = "gzip" }}
"""
AGGREGATE = """
[estate]
regions = ["us-east-1"]
[[aggregate]]
name = "seen"
queue = "{events}"
key = "bucket"
window_s = 2
table = "keys"
timers = "{timers}"
action = {{ kind = "sns-publish", topic_arn = "{topic}" }}
"""


@pytest.fixture
def aws():
    with LocalServer() as server:
        yield server


class World:
    """One account with its clients, and functions from built zips."""

    def __init__(self, aws, folder):
        self.url, self.folder = aws.url, folder
        self.account = str(random.SystemRandom().randrange(10**11, 10**12))
        keys = {
            "aws_access_key_id": self.account,
            "aws_secret_access_key": "windlass-local",
            "region_name": "us-east-1",
        }
        names = ("s3", "sqs", "sns", "dynamodb", "lambda", "iam")
        self.clients = {name: boto3.client(name, endpoint_url=aws.url, **keys) for name in names}
        self.role = self["iam"].create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def __getitem__(self, name):
        return self.clients[name]

    def built(self, name, config, *arguments):
        """The zip that the command line makes."""
        (self.folder / "windlass.toml").write_text(config, "utf-8")
        command = [
            "build",
            "lambda",
            name,
            "--config",
            "windlass.toml",
            "-o",
            "json",
            "--file",
            "function.zip",
            *arguments,
        ]
        done = run_windlass(command, cwd=self.folder, env=os.environ)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)[0]
        content = (self.folder / "function.zip").read_bytes()
        assert said["size_bytes"] == len(content) < 10_000_000
        return content, said

    def function(self, name, content, handler):
        self["lambda"].create_function(
            FunctionName=name,
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Handler=handler,
            Timeout=30,
            MemorySize=1024,
            Role=self.role,
            Code={"ZipFile": content},
        )
        return self["lambda"].get_function(FunctionName=name)["Configuration"]["FunctionArn"]

    def queue(self, name, **attributes):
        url = self["sqs"].create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:{self.account}:{name}"

    def close(self):
        for client in self.clients.values():
            client.close()


@pytest.fixture
def world(aws, tmp_path):
    made = World(aws, tmp_path)
    yield made
    made.close()


def until(check, within_s=60):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError("it never came to be")


@pytest.mark.timeout(200)
def test_the_pipeline_s_zip_transforms_what_lands_and_imports_nothing_from_here(world):
    s3 = world["s3"]
    for name in ("in", "out", "err"):
        s3.create_bucket(Bucket=f"{name}-{world.account}")
    (world.folder / "probe.py").write_text(PROBE, "utf-8")
    content, said = world.built("pipeline", PIPELINE.format(account=world.account), "--add", "probe.py")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {"windlass.toml", "probe.py", "windlass/functions/pipeline.py"} <= set(archive.namelist())

    world.function("probe", content, "probe.handler")
    told = json.load(world["lambda"].invoke(FunctionName="probe", Payload="{}")["Payload"])
    files = [Path(file) for file in told["files"].values()]
    root = files[0].parents[1]
    assert "windlass-lambda-" in str(root)  # where the embedded AWS unpacks functions
    assert all(file.is_relative_to(root) for file in files), told
    assert told["heavy"] == []

    arn = world.function("pipeline", content, said["handler"])
    world["lambda"].add_permission(
        FunctionName="pipeline", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    s3.put_bucket_notification_configuration(
        Bucket=f"in-{world.account}",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    s3.put_object(Bucket=f"in-{world.account}", Key="a/b.txt", Body=b"hello")
    keys = until(
        lambda: [entry["Key"] for entry in s3.list_objects_v2(Bucket=f"out-{world.account}").get("Contents", ())]
    )
    assert keys == ["a/b.txt.gz"]


@pytest.mark.timeout(200)
def test_the_aggregator_s_zip_turns_events_into_one_action(world):
    _, events = world.queue("events", VisibilityTimeout="60")
    _, timers = world.queue("timers", VisibilityTimeout="60")
    told_url, told = world.queue("told")
    topic = world["sns"].create_topic(Name="windows")["TopicArn"]
    world["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=told, Attributes={"RawMessageDelivery": "true"})
    world["dynamodb"].create_table(
        TableName="keys",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    world["s3"].create_bucket(Bucket=f"drop-{world.account}")
    world["s3"].put_bucket_notification_configuration(
        Bucket=f"drop-{world.account}",
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": events, "Events": ["s3:ObjectCreated:*"]}]},
    )
    content, said = world.built("aggregator", AGGREGATE.format(events=events, timers=timers, topic=topic))
    world.function("aggregator", content, said["handler"])
    for source in (events, timers):
        world["lambda"].create_event_source_mapping(
            EventSourceArn=source,
            FunctionName="aggregator",
            BatchSize=10,
            MaximumBatchingWindowInSeconds=1,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
    for number in range(12):
        world["s3"].put_object(Bucket=f"drop-{world.account}", Key=f"o{number}", Body=b"x")
    seen = []

    def covered():
        got = (
            world["sqs"]
            .receive_message(QueueUrl=told_url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
            .get("Messages", ())
        )
        for each in got:
            seen.append(json.loads(each["Body"]))
            world["sqs"].delete_message(QueueUrl=told_url, ReceiptHandle=each["ReceiptHandle"])
        return sum(entry["summary"]["events"] if "summary" in entry else entry["events"] for entry in seen) >= 12

    until(covered, 90)
    assert 1 <= len(seen) <= 5
