"""An account of the embedded AWS with buckets, and `windlass` run in it as its users run it."""

import io
import json
import os
import random
import time
import zipfile

import boto3
from botocore.config import Config

from tests.command import run_windlass
from tests.deploy.stacks.zips import function_zip

ESTATE = """
[estate]
accounts = [{{ id = "{account}" }}]
home_region = "us-east-1"
"""
PIPELINE = """
[[pipeline]]
name = "uniform"
queue = "raw-events"
source = "s3://raw-{account}/in/"
suffix = [".yaml", ".yml"]
transform = "yaml-to-json"
target = "s3://out-{account}/{{dir}}{{stem}}.json"
on_error = "s3://out-{account}/failed/"
"""
AGGREGATOR = """
[[aggregate]]
name = "shares"
queue = "object-events"
table = "windlass-shares"
timers = "windlass-shares-timers"
buckets = ["raw-{account}"]
key = "bucket"
window_s = 1
linger_s = 1
action = {{ kind = "sqs-send", queue_url = "{url}/{account}/acted" }}
"""


class World:
    def __init__(self, url, folder):
        self.url, self.folder = url, folder
        self.account = str(random.SystemRandom().randrange(10**11, 10**12))
        self.clients = {}
        self.raw, self.out = f"raw-{self.account}", f"out-{self.account}"
        for bucket in (self.raw, self.out):
            self.client("s3").create_bucket(Bucket=bucket)

    def client(self, service):
        if service not in self.clients:
            keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "windlass-local"}
            config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
            self.clients[service] = boto3.client(
                service, endpoint_url=self.url, region_name="us-east-1", config=config, **keys
            )
        return self.clients[service]

    def config(self, text):
        return (ESTATE + text).format(account=self.account, url=self.url)

    def configure(self, text):
        """Write windlass.toml and the zip with the same in it."""
        (self.folder / "windlass.toml").write_text(self.config(text), "utf-8")
        (self.folder / "function.zip").write_bytes(function_zip(self.config(text)))

    def say(self, *arguments, code=0):
        environment = os.environ | {
            "WINDLASS_ESTATE_ENDPOINT_URL": self.url,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }
        done = run_windlass(arguments, cwd=self.folder, env=environment)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def create(self, kind, name, *more):
        return json.loads(self.say("deploy", "create", kind, name, "--zip", "function.zip", "-o", "json", *more).stdout)

    def delete(self, kind, name, *more):
        return json.loads(self.say("deploy", "delete", kind, name, "--yes", "-o", "json", *more).stdout)

    def status(self, kind, name):
        rows = json.loads(self.say("deploy", "status", kind, name, "-o", "json").stdout)
        return {row["resource"]: row["state"] for row in rows}

    def notification(self, bucket):
        configuration = self.client("s3").get_bucket_notification_configuration(Bucket=bucket)
        del configuration["ResponseMetadata"]
        return configuration

    def foreign_entries(self, bucket):
        """Entries of all four kinds that somebody else made; the configuration as S3 then tells it."""
        arn = f"us-east-1:{self.account}"
        self.client("sqs").create_queue(QueueName="theirs")
        self.client("sns").create_topic(Name="theirs")
        role = self.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("main.py", "def handler(event, context):\n    return None\n")
        self.client("lambda").create_function(
            FunctionName="theirs",
            Runtime="python3.12",
            Handler="main.handler",
            Role=role,
            Code={"ZipFile": code.getvalue()},
        )

        def entry(kind, target, prefix):
            rules = [{"Name": "prefix", "Value": prefix}]
            return {
                "Id": f"theirs {kind}",
                kind: target,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": rules}},
            }

        configuration = {
            "QueueConfigurations": [entry("QueueArn", f"arn:aws:sqs:{arn}:theirs", "q/")],
            "TopicConfigurations": [entry("TopicArn", f"arn:aws:sns:{arn}:theirs", "t/")],
            "LambdaFunctionConfigurations": [entry("LambdaFunctionArn", f"arn:aws:lambda:{arn}:function:theirs", "f/")],
            "EventBridgeConfiguration": {},
        }
        self.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
        return self.notification(bucket)

    def contents(self, bucket):
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {
            content["Key"]: s3.get_object(Bucket=bucket, Key=content["Key"])["Body"].read()
            for page in pages
            for content in page.get("Contents", ())
        }

    def log(self, function):
        events = self.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        return "".join(event["message"] for event in events)[-3000:]

    def wait(self, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not (result := what()):
            assert time.monotonic() < deadline, "it never came to be"
            time.sleep(0.2)
        return result

    def close(self):
        for client in self.clients.values():
            client.close()
