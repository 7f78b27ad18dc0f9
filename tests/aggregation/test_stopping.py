"""Shutdown of a worker: all its parts stop together, so a stop takes as long as the slowest part."""

import threading
import uuid

import boto3
import pytest

from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import AckTimer
from windlass.aggregation.model import Timer
from windlass.aggregation.tables.sql import SqlTimers
from windlass.aggregation.timer_loop import run_timers
from windlass.aggregation.worker import AggregationWorker
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
LONG_S = 60  # limit for operations that take no time unless they are broken


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
    """Return a factory of rules, each with its own source queue and timer queue."""

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
    """Rules whose counting blocks until `go` is set."""

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

    def on_timer(self, timer):
        return AckTimer("over")

    def repair_timers(self):
        return 0


def running(work):
    """Run it on a thread; return the thread and a list for its result."""
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
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]


def test_timers_and_the_source_queue_stop_at_the_same_time(queues, sqlite_store, sqs, rule):
    """The batch in flight waits until the timers have stopped: if they stopped after it, this test would not end."""
    first, second = rule("first"), rule("second")
    second = second.model_copy(update={"queue": first.queue})
    source, stop = Held(), threading.Event()
    timers = SqlTimers(sqlite_store, now=lambda: 0.0)
    worker = AggregationWorker(source, [first, second], queues=queues, store=None, timers=timers, settings=FAST)
    sqs.send_message(QueueUrl=queues.open(first.queue).url, MessageBody=EVENT.format(key="a"))
    thread, result = running(lambda: worker.run(stop=stop, signals=False))
    assert source.counting.wait(LONG_S)
    timer_threads = [*named(f"timers-{first.timers}"), *named(f"timers-{second.timers}"), *named("aggregation-timers")]
    assert len(timer_threads) == 3

    stop.set()
    for timer_thread in timer_threads:
        timer_thread.join(LONG_S)
        assert not timer_thread.is_alive()
    assert thread.is_alive()
    assert source.counted == 0

    source.go.set()
    thread.join(LONG_S)
    assert (result, source.counted) == ([0], 1)
    attributes = sqs.get_queue_attributes(QueueUrl=queues.open(first.queue).url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_worker_that_cannot_start_stops_no_other_worker(queues, sqlite_store, rule):
    """`windlass up` runs workers under one `stop`, which belongs to the caller."""
    missing_queue_rule = rule("gone").model_copy(update={"queue": "no-such-queue"})
    stop = threading.Event()
    with pytest.raises(NotFound):
        AggregationWorker(Held(), [missing_queue_rule], queues=queues, store=None, timers=None, settings=FAST).run(
            stop=stop, signals=False
        )
    assert not stop.is_set()
    assert not named(f"timers-{missing_queue_rule.timers}")


class FakeWorker:
    """A worker that stops when `go` is set; with `failing` it raises at the start."""

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


def test_a_signal_stops_the_workers_of_all_queues_together():
    class Signalled(FakeWorker):
        def run(self, *, stop=None, signals=True):
            assert signals
            stop.set()  # as a consumer does on a signal
            return super().run(stop=stop)

    parts = [Signalled(), FakeWorker(), FakeWorker()]
    thread, result = running(lambda: run_group(parts))
    for part in parts:
        assert part.stopping.wait(LONG_S)
    for part in reversed(parts):
        assert thread.is_alive()
        part.go.set()
    thread.join(LONG_S)
    assert result == [0]


@pytest.mark.parametrize("at", [0, 1])
def test_a_failed_worker_stops_the_others_and_its_error_is_raised(at):
    parts = [FakeWorker(), FakeWorker(), FakeWorker()]
    parts[at] = FakeWorker(failing=NotFound("its queue is gone"))
    for part in parts:
        part.go.set()
    thread, result = running(lambda: run_group(parts))
    thread.join(LONG_S)
    assert [str(error) for error in result] == ["its queue is gone"]
    assert all(part.stopping.is_set() for part in parts if part.failing is None)


def test_running_timers_keep_their_lease_during_a_drain(store):
    """A drain may be longer than a lease: another worker must not lease a running timer."""
    timers = SqlTimers(store, now=clock_of(moment := [100.0]), leased_s=0.4)
    timers.send(Timer("r", "k", "token"), 0)
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def on_timer(_):
        begun.set()
        assert go.wait(LONG_S)
        return AckTimer("over")

    renewed = threading.Event()
    timers.renew = lambda timer, renew=timers.renew: (renew(timer), renewed.set())
    thread, _ = running(lambda: run_timers(timers, on_timer, ended, LONG_S))
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
