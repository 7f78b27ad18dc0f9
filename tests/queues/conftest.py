"""One embedded AWS for the tests of this folder, and what reaches it as Windlass does."""

import threading
import uuid

import boto3
import pytest

from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.service import Queues
from windlass_local.server import LocalServer

ACCOUNT = "111111111111"
FAST = {"wait_s": 1, "read_timeout_s": 11, "visibility_s": 12, "drain_s": 3, "first_backoff_s": 1}


@pytest.fixture(scope="session")
def local_aws():
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="session")
def estate(local_aws):
    config = EstateConfig(endpoint_url=local_aws.url, accounts=[AccountConfig(id=ACCOUNT)], regions=["us-east-1"])
    with open_estate(config, {}) as opened:
        yield opened


@pytest.fixture
def client(local_aws):
    made = []

    def make(service):
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": "us-east-1"}
        made.append(boto3.client(service, endpoint_url=local_aws.url, **keys))
        return made[-1]

    yield make
    for entry in made:
        entry.close()


@pytest.fixture
def queues(estate, sqlite_store):
    return Queues(lambda: estate, lambda: sqlite_store)


@pytest.fixture
def new_queue(client):
    """Make a queue with a dead-letter queue: (url, dead letters' url)."""
    import json

    sqs = client("sqs")

    def make(suffix="", *, receives=3, **attributes):
        name = f"q-{uuid.uuid4().hex[:10]}"
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if suffix == ".fifo" else {}
        dead = sqs.create_queue(QueueName=f"{name}-dlq{suffix}", Attributes=fifo)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": receives})
        url = sqs.create_queue(QueueName=name + suffix, Attributes=fifo | {"RedrivePolicy": policy} | attributes)[
            "QueueUrl"
        ]
        return url, dead

    return make


@pytest.fixture
def consuming(queues, sqlite_store):
    """Run a consumer on a thread until the test is over: `consuming(url, handler, **settings)` gives it."""
    running = []

    def start(url, handler, *, health=None, **settings):
        config = ConsumeConfig(queue=url, handler="tests:handler", **(FAST | settings))
        consumer = Consumer(config, handler, queues=queues, store=lambda: sqlite_store, health=health)
        stop, result = threading.Event(), []
        thread = threading.Thread(target=lambda: result.append(consumer.run(stop=stop, signals=False)))
        thread.start()
        running.append((thread, stop))
        consumer.stopped = lambda: (stop.set(), thread.join(30), result[0])[2]
        return consumer

    yield start
    for thread, stop in running:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def wait_for(what, seconds=20):
    import time

    deadline = time.monotonic() + seconds
    while not (result := what()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return result
