"""How a worker stops: all its parts at the same time, so that a stop takes what the slowest takes and not what they add up to."""

import threading
import uuid

import boto3
import pytest

from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import Ack
from windlass.aggregation.model import Timer
from windlass.aggregation.tables.sql import SqlTimers
from windlass.aggregation.ticking import tick_forever
from windlass.aggregation.worker import Worker
from windlass.core.errors import NotFound
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.queues.process_group import run_group
from windlass.queues.service import Queues
from windlass_local.server import LocalServer

ACCOUNT = "777788880024"
FAST = {"wait_s": 1, "read_timeout_s": 11, "visibility_s": 12, "drain_s": 30}
EVENT = (
    '{{"Records": [{{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-11-01T00:00:00.000Z",'
    ' "s3": {{"bucket": {{"name": "drop"}}, "object": {{"key": "{key}", "size": 1, "sequencer": "1"}}}}}}]}}'
)
LONG_S = 60  # what a thing may take that takes no time unless it is broken


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture
def queues(aws, sqlite_store):
    config = EstateConfig(endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT)], regions=["us-east-1"])
    with open_estate(config, {}) as estate:
        yield Queues(lambda: estate, lambda: sqlite_store)


@pytest.fixture
def sqs(aws):
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": "us-east-1"}
    client = boto3.client("sqs", endpoint_url=aws.url, **keys)
    yield client
    client.close()


@pytest.fixture
def rule(sqs):
    """Makes a rule with a source queue and timers of its own."""

    def make(name):
        suffix = uuid.uuid4().hex[:8]
        for kind in ("events", "timers"):
            sqs.create_queue(QueueName=f"{name}-{kind}-{suffix}")
        return AggregateConfig(
            name=name,
            account=ACCOUNT,
            queue=f"{name}-events-{suffix}",
            timers=f"{name}-timers-{suffix}",
            table="t",
            window_s=1,
            linger_s=0,
            action={"kind": "python", "function": "acts:look"},
        )

    return make


class Held:
    """Rules whose counting ends when it is let go."""

    def __init__(self):
        self.counting, self.go = threading.Event(), threading.Event()
        self.counted = 0

    def tally(self, tallies, message_id, events):
        tallies["held", message_id] = events
        return len(events)

    def count(self, rule, key, tally, *, since):
        self.counting.set()
        assert self.go.wait(LONG_S)
        self.counted += len(tally)

    def complete(self, token):
        return False

    def fire(self, timer):
        return Ack("over")

    def sweep(self):
        return 0


def running(work):
    """Run it on a thread; the thread and what it came to."""
    result = []

    def run():
        try:
            result.append(work())
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def named(prefix):
    return [one for one in threading.enumerate() if one.name.startswith(prefix)]


def test_timers_and_the_source_queue_stop_at_the_same_time(queues, sqlite_store, sqs, rule):
    """The batch in hand is held until the timers have stopped: were they stopped after it, nothing here would end."""
    first, second = rule("first"), rule("second")
    second = second.model_copy(update={"queue": first.queue})
    held, stop = Held(), threading.Event()
    timers = SqlTimers(sqlite_store, now=lambda: 0.0)
    worker = Worker(held, [first, second], queues=queues, store=None, timers=timers, settings=FAST)
    sqs.send_message(QueueUrl=queues.open(first.queue).url, MessageBody=EVENT.format(key="a"))
    thread, result = running(lambda: worker.run(stop=stop, signals=False))
    assert held.counting.wait(LONG_S)
    beside = [*named(f"timers-{first.timers}"), *named(f"timers-{second.timers}"), *named("aggregation-timers")]
    assert len(beside) == 3

    stop.set()
    for one in beside:
        one.join(LONG_S)
        assert not one.is_alive()
    assert thread.is_alive()
    assert held.counted == 0

    held.go.set()
    thread.join(LONG_S)
    assert (result, held.counted) == ([0], 1)
    left = sqs.get_queue_attributes(QueueUrl=queues.open(first.queue).url, AttributeNames=["All"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == left["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_worker_that_can_t_start_stops_no_other(queues, sqlite_store, rule):
    """`windlass up` runs workers under one `stop`, which is the caller's to set."""
    gone = rule("gone").model_copy(update={"queue": "no-such-queue"})
    stop = threading.Event()
    with pytest.raises(NotFound):
        Worker(Held(), [gone], queues=queues, store=None, timers=None, settings=FAST).run(stop=stop, signals=False)
    assert not stop.is_set()
    assert not named(f"timers-{gone.timers}")


class Part:
    """A worker that stops when it is let go; `failing` before it has begun."""

    def __init__(self, failing=None):
        self.failing = failing
        self.stopping, self.go = threading.Event(), threading.Event()

    def run(self, *, stop=None, signals=True):
        if self.failing is not None:
            raise self.failing
        assert stop.wait(LONG_S)
        self.stopping.set()
        assert self.go.wait(LONG_S)
        return 0


def test_workers_of_several_queues_are_told_to_stop_at_the_same_time():
    class Signalled(Part):
        def run(self, *, stop=None, signals=True):
            assert signals
            stop.set()  # as a consumer does that gets a signal
            return super().run(stop=stop)

    parts = [Signalled(), Part(), Part()]
    thread, result = running(lambda: run_group(parts))
    for one in parts:
        assert one.stopping.wait(LONG_S)
    for one in reversed(parts):
        assert thread.is_alive()
        one.go.set()
    thread.join(LONG_S)
    assert result == [0]


@pytest.mark.parametrize("at", [0, 1])
def test_when_one_fails_all_stop_and_its_error_is_told(at):
    parts = [Part(), Part(), Part()]
    parts[at] = Part(failing=NotFound("its queue is gone"))
    for one in parts:
        one.go.set()
    thread, result = running(lambda: run_group(parts))
    thread.join(LONG_S)
    assert [str(one) for one in result] == ["its queue is gone"]
    assert all(one.stopping.is_set() for one in parts if one.failing is None)


def test_timers_under_way_keep_their_lease_while_they_end(store):
    """A drain may be longer than a lease: another worker must not take what is being done here."""
    timers = SqlTimers(store, now=clock_of(moment := [100.0]), leased_s=0.4)
    timers.send(Timer("r", "k", "token"), 0)
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def fire(_):
        begun.set()
        assert go.wait(LONG_S)
        return Ack("over")

    renewed = threading.Event()
    timers.renew = lambda one, renew=timers.renew: (renew(one), renewed.set())
    thread, _ = running(lambda: tick_forever(timers, fire, ended, LONG_S))
    assert begun.wait(LONG_S)
    ended.set()
    assert thread.is_alive()
    renewed.clear()
    moment[0] += 1000
    assert renewed.wait(LONG_S)
    assert timers.take(8) == []
    go.set()
    thread.join(LONG_S)
    moment[0] += 1000
    assert timers.take(8) == []


def clock_of(moment):
    return lambda: moment[0]
