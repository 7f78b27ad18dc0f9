"""`windlass pipeline` as its users run it: real workers killed, broken inputs, backfill and retry, and the same as Lambda."""

import json
import os
import random
import signal
import subprocess
import time

import boto3
import pytest

from tests.command import run_windlass, start_windlass
from windlass_local.server import LocalServer

CONFIG = """
[estate]
accounts = [{{ id = "{account}" }}]
home_region = "us-east-1"
"""
YAML = """
[[pipeline]]
name = "uniform"
queue = "raw-events"
source = "s3://raw-{account}/in/"
transform = "yaml-to-json"
target = "s3://uniform-{account}/{{dir}}{{stem}}.json"
on_error = "s3://uniform-{account}/failed/"
"""
BROKEN = {
    "in/bad.yaml": b"a: [1, 2\nb: }",
    "in/latin.yaml": b"name: caf\xe9\n",
    "in/bomb.yaml": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(f"{chr(98 + at)}: &{chr(98 + at)} [{','.join(['*' + chr(97 + at)] * 9)}]\n".encode() for at in range(9)),
}


@pytest.fixture
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture
def world(aws, tmp_path):
    made = World(aws, tmp_path)
    yield made
    made.close()


class World:
    def __init__(self, aws, folder):
        self.aws, self.folder = aws, folder
        self.account = str(random.SystemRandom().randrange(10**11, 10**12))
        keys = {
            "aws_access_key_id": self.account,
            "aws_secret_access_key": "windlass-local",
            "region_name": "us-east-1",
        }
        self.clients = {
            name: boto3.client(name, endpoint_url=aws.url, **keys) for name in ("s3", "sqs", "lambda", "iam")
        }
        self.s3, self.sqs = self.clients["s3"], self.clients["sqs"]
        self.raw, self.out = f"raw-{self.account}", f"uniform-{self.account}"
        self.started = []
        for entry in (self.raw, self.out):
            self.s3.create_bucket(Bucket=entry)
        self.arn = self.queue("raw-events")
        target = {"QueueArn": self.arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket=self.raw, NotificationConfiguration={"QueueConfigurations": [target]}
        )

    def queue(self, name):
        url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def configure(self, text):
        (self.folder / "windlass.toml").write_text((CONFIG + text).format(account=self.account), "utf-8")

    def command(self, *arguments):
        environment = os.environ | {
            "WINDLASS_ESTATE_ENDPOINT_URL": self.aws.url,
            "WINDLASS_STORE_URL": f"sqlite:///{self.folder}/windlass.db",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }
        return {
            "words": arguments,
            "cwd": self.folder,
            "env": environment,
        }

    def say(self, *arguments, code=0):
        done = run_windlass(**self.command(*arguments))
        assert done.returncode == code, done.stderr
        return done

    def work(self):
        fast = ("wait_s=1", "read_timeout_s=11", "visibility_s=12", "drain_s=3")
        options = [part for entry in fast for part in ("--setting", entry)]
        with (self.folder / "log").open("a") as log:
            self.started.append(start_windlass(**self.command("pipeline", "run", *options), stdout=log, stderr=log))
        return self.started[-1]

    def put(self, bodies):
        for key, body in bodies.items():
            self.s3.put_object(Bucket=self.raw, Key=key, Body=body)

    def keys(self, bucket, prefix=""):
        """The keys alone: what waits for objects looks often, and reads none."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [listed["Key"] for page in pages for listed in page.get("Contents", ())]

    def contents(self, bucket, prefix=""):
        return {key: self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in self.keys(bucket, prefix)}

    def wait(self, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.3)
        return found

    def left(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.sqs.get_queue_url(QueueName="raw-events")["QueueUrl"]
        return sum(
            int(attribute)
            for attribute in self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()
        )

    def close(self):
        for entry in self.started:
            entry.kill()
            entry.wait()
        for value in self.clients.values():
            value.close()


@pytest.mark.timeout(200)
def test_killed_again_and_again_every_object_comes_out_once_and_what_is_broken_is_kept(world):
    world.configure(YAML)
    dice = random.Random(5)
    good = {f"in/d{at % 5}/o {at}+ü.yaml": f"n: {at}\n".encode() for at in range(120)}
    keys = list(good)
    for turn in range(4):
        worker = world.work()
        world.put({key: good[key] for key in keys[turn * 30 : turn * 30 + 30]})
        world.put(dict([list(BROKEN.items())[turn % 3]]))
        time.sleep(0.7 + dice.random())
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    worker = world.work()
    world.wait(lambda: world.left() == 0)
    made = world.contents(world.out)
    expected = {f"d{at % 5}/o {at}+ü.json": {"n": at} for at in range(120)}
    assert {key: json.loads(body) for key, body in made.items() if not key.startswith("failed/")} == expected
    for key, body in BROKEN.items():
        assert made[f"failed/{key}"] == body
        reason = json.loads(made[f"failed/{key}.reason.json"])
        assert (reason["pipeline"], reason["key"]) == ("uniform", key)
        assert reason["message"]
    rows = json.loads(world.say("pipeline", "status", "-o", "json").stdout)
    assert {row["key"]: row["reason"] for row in rows} == {
        "in/bad.yaml": "malformed",
        "in/latin.yaml": "not-text",
        "in/bomb.yaml": "bomb",
    }
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0

    # Mended, a retry takes it through.
    world.put({"in/bad.yaml": b"n: mended\n"})
    assert "1 of 1 succeeded" in world.say("pipeline", "retry", "uniform", "--key", "in/bad.yaml").stderr
    assert json.loads(world.contents(world.out)["bad.json"]) == {"n": "mended"}
    world.say("pipeline", "retry", "uniform", code=1)
    (row,) = json.loads(world.say("pipeline", "list", "-o", "json").stdout)
    assert row["written"] >= 1
    assert row["refused"] >= 2


@pytest.mark.timeout(120)
def test_a_backfill_takes_what_is_there_and_goes_on_where_it_was_killed(world):
    world.configure(YAML)
    world.put({f"in/o{at:04}.yaml": f"n: {at}\n".encode() for at in range(1500)} | BROKEN)
    running = start_windlass(
        **world.command("pipeline", "backfill", "uniform"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    world.wait(lambda: world.s3.list_objects_v2(Bucket=world.out).get("KeyCount", 0) > 220)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    job = json.loads(world.say("jobs", "list", "-o", "json").stdout)[0]
    world.say("jobs", "resume", job["job_id"])
    made = world.contents(world.out)
    assert {key: json.loads(body) for key, body in made.items() if not key.startswith("failed/")} == {
        f"o{at:04}.json": {"n": at} for at in range(1500)
    }
    assert len([key for key in made if key.endswith(".reason.json")]) == 3
    again = world.say("pipeline", "backfill", "uniform").stderr
    assert "0 written, 1,500 existing, 3 refused, 0 failed" in again


@pytest.mark.unproved("it works on local files")
def test_local_files_show_what_would_become_of_them(world, tmp_path):
    world.configure(YAML)
    (tmp_path / "a.yaml").write_bytes(b"n: 1\n")
    (tmp_path / "b.yaml").write_bytes(BROKEN["in/bad.yaml"])
    done = world.say("pipeline", "test", "uniform", "a.yaml", "b.yaml", "--to", "made", "-o", "json", code=1)
    first, second = json.loads(done.stdout)
    assert first["target"] == f"s3://{world.out}/a.json"
    assert json.loads((tmp_path / "made" / "a.json").read_text()) == {"n": 1}
    assert second["refused"].startswith("malformed: ")
