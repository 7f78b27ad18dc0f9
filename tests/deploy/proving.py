"""Runs real commands against the embedded AWS and compares the calls they made with `windlass policy`."""

import contextlib
import json
import os
import signal
import time
import urllib.request
import uuid
from pathlib import Path

import boto3
from botocore.config import Config

from tests.command import run_windlass, start_windlass
from windlass.deploy.capabilities import CAPABILITIES
from windlass.deploy.policy import facts_of, merged
from windlass.deploy.policy_check import check
from windlass.settings import load

FAST = [
    part
    for setting in ("wait_s=1", "read_timeout_s=11", "visibility_s=12", "drain_s=3")
    for part in ("--setting", setting)
]


class World:
    """An account of its own: clients that play the outside world, commands, and the calls that the commands made."""

    def __init__(self, url, folder):
        self.url, self.folder = url, Path(folder)
        self.account = f"{uuid.uuid4().int % 10**12:012}"
        self._clients = {}
        self._since = 0.0

    def __getitem__(self, service):
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name="us-east-1",
                aws_access_key_id=self.account,
                aws_secret_access_key="windlass-local",
                config=Config(s3={"addressing_style": "path"}),
            )
        return self._clients[service]

    def configure(self, text):
        """Write windlass.toml; `{account}` stands for the account."""
        head = f'[estate]\nendpoint_url = "{self.url}"\nregions = ["us-east-1"]\naccounts = [{{ id = "{self.account}" }}]\n'
        store = f'[store]\nurl = "sqlite:///{self.folder}/w.db"\n'
        (self.folder / "windlass.toml").write_text(head + store + text.replace("{account}", self.account), "utf-8")

    def queue(self, name, *, dead=""):
        attributes = {"VisibilityTimeout": "20"}
        if dead:
            arn = f"arn:aws:sqs:us-east-1:{self.account}:{dead}"
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
        return self["sqs"].create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def table(self, name):
        self["dynamodb"].create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )

    def notify(self, bucket, queue):
        target = {
            "QueueArn": f"arn:aws:sqs:us-east-1:{self.account}:{queue}",
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        }
        self["s3"].put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [target]}
        )

    def _command(self, words):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "WINDLASS_"))}
        environment |= {"PYTHONPATH": f"{self.folder}:{os.environ.get('PYTHONPATH', '')}", "HOME": str(self.folder)}
        return {
            "words": words,
            "cwd": self.folder,
            "env": environment,
        }

    def say(self, *words, code=0):
        done = run_windlass(**self._command(words))
        assert done.returncode == code, f"{words}: {done.stderr}"
        return done

    @contextlib.contextmanager
    def running(self, *words):
        """A worker while the block lasts, stopped as a pod is."""
        with (self.folder / "log").open("a") as log:
            worker = start_windlass(**self._command(words), stdout=log, stderr=log)
        try:
            yield worker
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(30)
            finally:
                worker.kill()

    @contextlib.contextmanager
    def fault(self, rule):
        """While the block lasts, what this account asks for goes wrong as the rule says."""
        self._faults([rule | {"account": self.account}])
        try:
            yield
        finally:
            self._faults([])

    def _faults(self, rules):
        body = json.dumps({"rules": rules}).encode()
        request = urllib.request.Request(f"{self.url}/_windlass/faults", body, method="PUT")
        urllib.request.urlopen(request, timeout=20).close()

    def until(self, check, within_s=60):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            result = check()
            if result:
                return result
            time.sleep(0.2)
        log = self.folder / "log"
        raise AssertionError(f"it never came to be: {log.read_text()[-3000:] if log.exists() else ''}")

    def calls(self):
        """What Windlass called: its calls carry its name, those of the test do not."""
        with urllib.request.urlopen(f"{self.url}/_windlass/calls?account_id={self.account}", timeout=20) as answer:
            calls = json.load(answer)["calls"]
        return [call for call in calls if "windlass/" in call["user_agent"] and call["at"] >= self._since]

    def forget(self):
        """Only what is called from now on counts."""
        self._since = time.time()

    def keys(self, bucket):
        return [content["Key"] for content in self["s3"].list_objects_v2(Bucket=bucket).get("Contents", ())]

    def close(self):
        for client in self._clients.values():
            client.close()


def settings_of(folder):
    return load(config="windlass.toml", environ={}, cwd=folder).settings


def statements_of(settings, capability, use, **facts):
    chosen = next(entry for entry in CAPABILITIES if entry.name == capability)
    return merged(chosen.statements(settings, facts_of(settings, **facts), use))


def assert_least(world, capability, use, unreached, **facts):
    """Nothing that was called is missing, and nothing is allowed that was not called, but for what `unreached` gives reasons for."""
    verdict = check(world.calls(), statements_of(settings_of(world.folder), capability, use, **facts))
    assert not verdict.missing, f"called, but not allowed: {verdict.missing}"
    unused = {f"{sid} {action}" for sid, action in verdict.unused}
    never = sorted(unused - unreached.keys())
    always = {what for what, reason in unreached.items() if not reason.startswith("only when")}
    after_all = sorted(always - unused)
    assert not never, f"allowed, but never called: {never}"
    assert not after_all, f"called, though a reason was given why not: {after_all}"
