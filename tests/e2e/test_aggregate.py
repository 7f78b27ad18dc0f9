"""`windlass aggregate run` as its users run it: real processes on the embedded AWS with faults switched on, killed again and again."""

import json
import os
import random
import signal
import time
import urllib.request

import boto3
import pytest

from tests.command import run_windlass, start_windlass
from tests.examples import examples
from windlass_local.server import LocalServer

pytestmark = pytest.mark.own_actions("s3:ListBucket")  # the action below lists the bucket
ACTION = """
import json, os, time
FILE = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def look(summary, context):
    started = time.time()
    keys, token = [], {}
    while True:
        page = context.call("s3", "ListObjectsV2", Bucket=summary.bucket, **token)
        keys += [one["Key"] for one in page.get("Contents", ())]
        if not page.get("IsTruncated"):
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    os.write(FILE, (json.dumps({"at": started, "key": context.key, "keys": len(keys), "events": summary.events}) + "\\n").encode())
"""
RULE = """
[[aggregate]]
name = "look"
account = "{account}"
queue = "{queue}"
key = "bucket"
window_s = {window}
linger_s = 0.5
repair_interval_s = 5
{where}
action = {{ kind = "python", function = "acts:look" }}
"""


@pytest.fixture
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture
def world(aws, tmp_path):
    """A bucket that tells a queue of its objects, and what starts workers and commands on them."""
    account = str(random.SystemRandom().randrange(10**11, 10**12))  # moto's state belongs to the process
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "windlass-local", "region_name": "us-east-1"}
    made = World(
        aws,
        tmp_path,
        account,
        {name: boto3.client(name, endpoint_url=aws.url, **keys) for name in ("s3", "sqs", "dynamodb")},
    )
    yield made
    made.close()


class World:
    def __init__(self, aws, folder, account, clients):
        self.aws, self.folder, self.clients = aws, folder, clients
        self.account, self.bucket = account, f"drop-{account}"
        self.started = []
        (folder / "acts.py").write_text(ACTION, "utf-8")
        sqs, s3 = clients["sqs"], clients["s3"]
        self.url = sqs.create_queue(QueueName="events")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        s3.create_bucket(Bucket=self.bucket)
        s3.put_bucket_notification_configuration(
            Bucket=self.bucket,
            NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
        )

    def configure(self, *, window=2, where=""):
        self.window = window
        text = RULE.format(account=self.account, queue="events", window=window, where=where)
        (self.folder / "windlass.toml").write_text(text, "utf-8")

    def command(self, *arguments):
        environment = os.environ | {
            "SEEN": str(self.folder / "seen"),
            "WINDLASS_ESTATE_ENDPOINT_URL": self.aws.url,
            "PYTHONPATH": f"{self.folder}:{os.environ.get('PYTHONPATH', '')}",
            "WINDLASS_STORE_URL": f"sqlite:///{self.folder}/windlass.db",
        }
        return {"words": ["aggregate", *arguments], "cwd": self.folder, "env": environment}

    def say(self, *arguments):
        done = run_windlass(**self.command(*arguments))
        done.check_returncode()
        return done

    def work(self):
        fast = ("wait_s=1", "read_timeout_s=11", "visibility_s=12", "drain_s=3")
        options = [part for entry in fast for part in ("--setting", entry)]
        with (self.folder / "log").open("a") as log:
            self.started.append(start_windlass(**self.command("run", *options), stdout=log, stderr=log))
        return self.started[-1]

    def put(self, count, start=0):
        for number in range(start, start + count):
            self.clients["s3"].put_object(Bucket=self.bucket, Key=f"f{number % 7}/o{number}", Body=b"x")

    def faults(self, *rules):
        asked = urllib.request.Request(
            f"{self.aws.url}/_windlass/faults",
            json.dumps({"rules": rules}).encode(),
            {"content-type": "application/json"},
            method="PUT",
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert len(json.load(answer)["rules"]) == len(rules)

    def actions(self):
        seen = self.folder / "seen"
        return [json.loads(line) for line in seen.read_text("utf-8").splitlines()] if seen.exists() else []

    def status(self):
        return json.loads(self.say("status", "-o", "json").stdout)

    def close(self):
        for entry in self.started:
            entry.kill()
            entry.wait()
        for value in self.clients.values():
            value.close()

    def covered(self, total, seconds=60):
        """Wait until the last action saw every object and nothing is uncovered."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            actions = self.actions()
            if actions and actions[-1]["keys"] == total:
                rows = self.status()
                if rows and all(row["uncovered"] == 0 for row in rows):
                    return actions
            time.sleep(0.5)
        raise AssertionError(f"{self.actions()[-3:]} {self.status()} {(self.folder / 'log').read_text()[-2000:]}")


STORES = {"store": "", "dynamodb": 'table = "agg"\ntimers = "agg-timers"'}


@pytest.mark.parametrize("where", STORES)
def test_many_objects_are_one_action_a_window(world, where):
    world.configure(where=STORES[where])
    if where == "dynamodb":
        assert "table agg, queue agg-timers" in world.say("init", "look").stderr
        assert "has everything it needs" in world.say("init", "look").stderr
    world.work()
    world.put(120)
    actions = world.covered(120)
    assert len(actions) <= 6
    gaps = [later["at"] - earlier["at"] for earlier, later in zip(actions, actions[1:], strict=False)]
    assert all(gap > world.window - 0.1 for gap in gaps)


@pytest.mark.timeout(280)
@pytest.mark.parametrize("where", STORES)
def test_killed_again_and_again_with_faults_every_object_is_covered(world, where):
    world.configure(where=STORES[where])
    if where == "dynamodb":
        world.say("init", "look")
    world.faults(
        {
            "kind": "error",
            "service": "dynamodb",
            "operation": "UpdateItem",
            "probability": 0.1,
            "status": 500,
            "code": "InternalServerError",
        },
        {"kind": "duplicate", "probability": 0.2},
        {"kind": "reorder", "probability": 0.2, "latency_ms": 1500},
        {"kind": "drop", "service": "sqs", "probability": 0.02},
    )
    rng = random.Random(7)
    turns = examples(8, least=3)
    for turn in range(turns):
        worker = world.work()
        world.put(40, start=turn * 40)
        time.sleep(0.8 + rng.random() * 2)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    world.work()
    world.covered(40 * turns, 120)


def test_pausing_holds_actions_back_and_resuming_covers_what_waited(world):
    world.configure()
    world.say("pause", "look")
    world.work()
    world.put(10)
    deadline = time.monotonic() + 30
    while not (rows := world.status()) or rows[0]["events"] < 10:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    time.sleep(3)
    assert world.actions() == []
    assert "1 key has uncovered events" in world.say("resume", "look").stderr
    world.covered(10)


def test_trigger_acts_though_nothing_happened(world):
    world.configure()
    world.work()
    world.say("trigger", "look", world.bucket)
    deadline = time.monotonic() + 30
    while not world.actions():
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert world.actions()[0]["key"] == world.bucket


def test_sigterm_counts_what_was_gathered_and_exits_with_0(world):
    world.configure(window=30, where="")
    text = (world.folder / "windlass.toml").read_text("utf-8").replace("linger_s = 0.5", "linger_s = 20")
    (world.folder / "windlass.toml").write_text(text, "utf-8")
    worker = world.work()
    deadline = time.monotonic() + 60
    while "consumer.started" not in (world.folder / "log").read_text("utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    world.put(10)
    time.sleep(3)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0
    assert world.status()[0]["events"] == 10
