"""A table or a function that is slow acts later, and does act; what is received often is replaced; shares are kept apart by the table."""

import itertools
import json
import time

import pytest

from tests.aggregation.simulator import Chances, Schedule, check
from windlass.aggregation import protocol
from windlass.aggregation.actions.base import Context, Later, Started
from windlass.aggregation.actions.spacing import MARGIN_S, SHARED, Spacing
from windlass.aggregation.actions.storage_gateway_refresh import StorageGatewayRefresh
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import Ack, Completed, Defer, Failed
from windlass.aggregation.engine import Engine, Part
from windlass.aggregation.lambda_ import make_handler
from windlass.aggregation.model import Pace, Summary
from windlass.aggregation.perform import Hands, carry_out
from windlass.aggregation.rules import Rule
from windlass.aggregation.tables.memory import MemoryTable
from windlass.aggregation.timers import timer_body
from windlass.aggregation.worker import Worker
from windlass.core.errors import AwsError
from windlass.queues.model import Limits

RULE, KEY = "r", "k"


class World:
    """A table whose writes take a while of a virtual clock, and timers that come when they are due."""

    def __init__(self, table_s, *, window_s=30.0, outcome=Completed):
        self.now = 1000.0
        self.table_s = table_s
        self.pace = Pace(window_s)
        self.table = MemoryTable()
        self.sent, self.acted = [], []
        self.names = itertools.count()
        self.outcome = outcome
        self.hands = Hands(self, self.send, self.act, now=lambda: self.now, monotonic=lambda: self.now)

    def perform(self, effect):
        took_s = self.table_s() if callable(self.table_s) else self.table_s
        self.now += took_s / 2
        answer = self.table.perform(effect)
        self.now += took_s / 2
        return answer

    def send(self, timer, delay_s):
        self.sent.append((timer, self.now + delay_s))

    def act(self, asked):
        self.acted.append(self.now)
        return self.outcome()

    def put(self):
        carry_out(
            protocol.count(self.pace, RULE, KEY, [f"m{next(self.names)}"], 1, Summary(), since=self.now, now=self.now),
            self.hands,
        )

    def fire(self, timer, receives=0):
        talk = protocol.fire(self.pace, timer, lambda: f"t{next(self.names)}", receives=receives)
        return carry_out(talk, self.hands)


@pytest.mark.parametrize("table_s", [0.0, 1.9, 2.3, 5.0, 11.0, 29.0])
@pytest.mark.parametrize("window_s", [1.0, 5.0, 30.0])
def test_however_slow_the_table_is_its_first_timer_acts(table_s, window_s):
    world = World(table_s, window_s=window_s)
    world.put()
    (timer, due) = world.sent[0]
    world.now = max(world.now, due)
    verdict = world.fire(timer)
    assert len(world.acted) == 1
    assert isinstance(verdict, Ack)


def test_a_claim_that_was_late_once_delays_only_itself():
    """A cold function: its first call takes eight seconds, the others no time."""
    times = iter([0.0, 8.0])
    world = World(lambda: next(times, 0.01))
    world.put()
    (timer, due) = world.sent[0]
    world.now = due
    assert isinstance(world.fire(timer), Ack)
    assert world.acted[0] - due == pytest.approx(8.0, abs=0.1)


@pytest.mark.parametrize("table_s", [2.3, 6.0])
def test_with_a_slow_table_all_is_covered_within_its_time(table_s):
    for seed in range(20):
        chances = Chances(*[0.0] * 11, table_s=table_s)
        schedule = Schedule(seed, pace=Pace(10.0), chances=chances, puts=12)
        found = schedule.run()
        check(found, schedule)
        assert found.actions > 0


def test_a_timer_message_is_replaced_long_before_a_redrive_policy_takes_it_for_poison():
    world = World(0.0, outcome=lambda: Failed("the share is offline"))
    world.put()
    (timer, _), receives, most = world.sent.pop(), 0, 0
    for _ in range(400):  # hours of failures
        receives += 1
        most = max(most, receives)
        verdict = world.fire(timer, receives)
        if isinstance(verdict, Defer):
            world.now += verdict.after_s
        else:
            ((timer, due), receives) = world.sent.pop(), 0
            world.now = max(world.now, due)
    assert most == protocol.ROTATE_RECEIVES
    assert world.table.read(RULE, KEY).armed == timer.token
    world.outcome = Completed
    world.now += 1000
    assert world.fire(timer, 1) == Ack("covered")


def test_a_message_that_took_over_and_was_never_sent_is_sent_when_the_old_one_comes_again():
    world = World(0.0, outcome=lambda: Failed("no"))
    world.put()
    (timer, _) = world.sent.pop()

    def broken(*_):
        raise AwsError("the network is down")

    send, world.hands = world.hands, Hands(world, broken, world.act, now=lambda: world.now, monotonic=lambda: world.now)
    world.now += 60
    with pytest.raises(AwsError):
        world.fire(timer, protocol.ROTATE_RECEIVES)
    world.hands = send
    assert isinstance(world.fire(timer, protocol.ROTATE_RECEIVES + 1), Ack)
    assert [sent.token for sent, _ in world.sent] == [protocol.successor(timer.token)]


@pytest.mark.parametrize(("token", "after"), [("m", "m~1"), ("m~1", "m~2"), ("a~b", "a~b~1"), ("m~9", "m~10")])
def test_tokens_follow_from_each_other(token, after):
    assert protocol.successor(token) == after


# Lambda and worker


def rule(**given):
    plain = {
        "name": "r",
        "queue": "q",
        "table": "t",
        "timers": "q-timers",
        "action": {"kind": "python", "function": "a:b"},
    }
    return AggregateConfig.model_validate(plain | given)


def engine_of(world, config):
    return Engine([Part(Rule(config), world, world.send, world.act, lambda *_, **__: {}, {})], now=lambda: world.now)


def test_in_lambda_the_window_begins_when_the_first_message_was_sent():
    """The mapping's batching window is part of it, and not added to it."""
    world = World(0.0)
    world.now = time.time()
    handle = make_handler(engine_of(world, rule(window_s=30)), lambda *_: None)
    body = json.dumps(
        {
            "Records": [
                {
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "eventTime": "2026-11-01T00:00:00.000Z",
                    "s3": {"bucket": {"name": "drop"}, "object": {"key": "a", "size": 1, "sequencer": "1"}},
                }
            ]
        }
    )
    record = {
        "messageId": "m1",
        "receiptHandle": "r",
        "body": body,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:x:1:q",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(int((world.now - 20) * 1000))},
    }
    assert handle({"Records": [record]}, None) == {"batchItemFailures": []}
    (_, due) = world.sent[0]
    assert due - world.now == pytest.approx(11, abs=2)


def test_in_lambda_a_timer_received_often_is_replaced_too():
    world = World(0.0, outcome=lambda: Failed("no"))
    world.table.paused = lambda _: False
    world.paused = lambda _: False
    world.put()
    (timer, _) = world.sent.pop()
    world.now += 60
    put_off = []
    handle = make_handler(engine_of(world, rule(window_s=30)), lambda *asked: put_off.append(asked))
    record = {
        "messageId": "m1",
        "receiptHandle": "r",
        "body": timer_body(timer),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn",
        "attributes": {"ApproximateReceiveCount": "400"},
    }
    assert handle({"Records": [record]}, None) == {"batchItemFailures": []}
    assert put_off == []
    assert len(world.sent) == 1


@pytest.mark.parametrize("window_s", [1, 5, 15, 30, 60, 600])
def test_what_a_killed_worker_held_comes_back_within_about_a_window(window_s):
    worker = Worker(None, [rule(window_s=window_s)], queues=_NoQueues(), store=None, timers=None)
    config = worker._source_config()
    assert config.visibility_s <= max(12, min(60, window_s)) + 11 + config.batch_window_s + 1
    config.limits()  # the times do not contradict each other
    assert isinstance(config.limits(), Limits)


def test_times_that_are_set_are_left_alone():
    settings = {"wait_s": 20, "read_timeout_s": 35.0, "visibility_s": 90}
    worker = Worker(None, [rule(window_s=5)], queues=_NoQueues(), store=None, timers=None, settings=settings)
    assert worker._source_config().visibility_s == 90


class _NoQueues:
    def registry(self):
        from prometheus_client import CollectorRegistry

        return CollectorRegistry()


# Shares


class Gateway:
    """Storage Gateway's answers for one share over one bucket, and when it was asked to refresh."""

    def __init__(self, clock):
        self.clock, self.refreshed, self.takes_s = clock, [], 0.0

    def call(self, service, operation, /, **params):
        arn = "arn:aws:storagegateway:eu-west-1:111111111111:share/share-1"
        match operation:
            case "ListFileShares":
                return {
                    "FileShareInfoList": [{"FileShareType": "NFS", "FileShareARN": arn, "FileShareStatus": "AVAILABLE"}]
                }
            case "DescribeNFSFileShares":
                return {"NFSFileShareInfoList": [{"FileShareARN": arn, "LocationARN": "arn:aws:s3:::b", "Role": ""}]}
            case "DescribeSMBFileShares":
                return {"SMBFileShareInfoList": []}
            case "RefreshCache":
                self.refreshed.append(self.clock.now)
                self.clock.now += self.takes_s
                return {"NotificationId": f"n{len(self.refreshed)}"}
        raise AssertionError(operation)


class Clock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


SUMMARY = Summary("b", 1, {"created": 1}, 1, ("in/",), False, "", "", ("in/x",))


def process(gateway, table, clock, memory=None, *, steady=None):
    """What one process's action is given: memories are its own, the table is everybody's."""
    spacing = Spacing(table, now=clock, steady=steady or clock)
    return Context(
        gateway.call,
        RULE,
        KEY,
        "t",
        "111111111111",
        "eu-west-1",
        clock.now,
        memory if memory is not None else {},
        spacing,
    )


def test_two_processes_never_refresh_a_share_within_sixty_seconds():
    clock, table = Clock(), MemoryTable()
    gateway = Gateway(clock)
    memories, later = ({}, {}), 0
    for step in range(300):
        clock.now += 7.0
        gateway.takes_s = (0.0, 4.0, 20.0)[step % 3]
        try:
            assert isinstance(
                StorageGatewayRefresh(in_flight_s=0).act(SUMMARY, process(gateway, table, clock, memories[step % 2])),
                Started,
            )
        except Later:
            later += 1
    gaps = [after - before for before, after in itertools.pairwise(gateway.refreshed)]
    assert len(gaps) >= 20
    assert min(gaps) >= 60
    assert later > 100


def test_a_process_that_stood_still_after_its_reservation_does_not_refresh():
    clock, table = Clock(), MemoryTable()
    gateway = Gateway(clock)
    readings = iter([0.0, MARGIN_S + 1])
    with pytest.raises(Later, match="stood still"):
        StorageGatewayRefresh().act(SUMMARY, process(gateway, table, clock, steady=lambda: next(readings)))
    assert gateway.refreshed == []
    assert isinstance(
        StorageGatewayRefresh().act(SUMMARY, process(gateway, table, clock)), Started
    )  # it was given back


def test_all_shares_are_taken_or_none():
    clock, table = Clock(), MemoryTable()
    ours, theirs = Spacing(table, clock, clock), Spacing(table, clock, clock)
    assert theirs.reserve(["b"], 60) == 0
    assert ours.reserve(["a", "b"], 60) > 60
    assert theirs.reserve(["a"], 60) == 0
    assert table.read(SHARED, "a").claim == theirs.holder
