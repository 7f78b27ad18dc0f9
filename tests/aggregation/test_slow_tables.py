"""Slow tables and functions act later but do act; timers received often are replaced; the table keeps refreshes apart."""

import itertools
import json
import time

import pytest

from tests.aggregation.simulator import Chances, Schedule, check
from windlass.aggregation import protocol
from windlass.aggregation.actions.base import Context, RetryActionLater, StartedAction
from windlass.aggregation.actions.spacing import MARGIN_S, SHARED, Spacing
from windlass.aggregation.actions.storage_gateway_refresh import StorageGatewayRefresh
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import AckTimer, ActionCompleted, ActionFailed, DeferTimer
from windlass.aggregation.interpreter import ProtocolHandlers, run_protocol
from windlass.aggregation.lambda_ import make_handler
from windlass.aggregation.model import Summary, WindowPace
from windlass.aggregation.rules import AggregationRule
from windlass.aggregation.tables.memory import MemoryTable
from windlass.aggregation.timers import timer_body
from windlass.aggregation.window_engine import RuleRuntime, WindowEngine
from windlass.aggregation.worker import AggregationWorker
from windlass.core.errors import AwsError
from windlass.queues.model import Limits

RULE, KEY = "r", "k"


class World:
    """A table with slow writes on a virtual clock, and timers that arrive when they are due."""

    def __init__(self, table_s, *, window_s=30.0, outcome=ActionCompleted):
        self.now = 1000.0
        self.table_s = table_s
        self.pace = WindowPace(window_s)
        self.table = MemoryTable()
        self.sent, self.acted = [], []
        self.names = itertools.count()
        self.outcome = outcome
        self.hands = ProtocolHandlers(self, self.send, self.act, now=lambda: self.now, monotonic=lambda: self.now)

    def perform(self, effect):
        duration_s = self.table_s() if callable(self.table_s) else self.table_s
        self.now += duration_s / 2
        answer = self.table.perform(effect)
        self.now += duration_s / 2
        return answer

    def send(self, timer, delay_s):
        self.sent.append((timer, self.now + delay_s))

    def act(self, effect):
        self.acted.append(self.now)
        return self.outcome()

    def put(self):
        run_protocol(
            protocol.count(self.pace, RULE, KEY, [f"m{next(self.names)}"], 1, Summary(), since=self.now, now=self.now),
            self.hands,
        )

    def on_timer(self, timer, receives=0):
        steps = protocol.on_timer(self.pace, timer, lambda: f"t{next(self.names)}", receives=receives)
        return run_protocol(steps, self.hands)


@pytest.mark.parametrize("table_s", [0.0, 1.9, 2.3, 5.0, 11.0, 29.0])
@pytest.mark.parametrize("window_s", [1.0, 5.0, 30.0])
def test_the_first_timer_acts_however_slow_the_table_is(table_s, window_s):
    world = World(table_s, window_s=window_s)
    world.put()
    (timer, due) = world.sent[0]
    world.now = max(world.now, due)
    verdict = world.on_timer(timer)
    assert len(world.acted) == 1
    assert isinstance(verdict, AckTimer)


def test_one_slow_claim_does_not_delay_later_ones():
    """A cold function: its first call takes eight seconds, later calls take no time."""
    times = iter([0.0, 8.0])
    world = World(lambda: next(times, 0.01))
    world.put()
    (timer, due) = world.sent[0]
    world.now = due
    assert isinstance(world.on_timer(timer), AckTimer)
    assert world.acted[0] - due == pytest.approx(8.0, abs=0.1)


@pytest.mark.parametrize("table_s", [2.3, 6.0])
def test_a_slow_table_covers_every_object_in_time(table_s):
    for seed in range(20):
        chances = Chances(*[0.0] * 11, table_s=table_s)
        schedule = Schedule(seed, pace=WindowPace(10.0), chances=chances, puts=12)
        result = schedule.run()
        check(result, schedule)
        assert result.actions > 0


def test_a_timer_message_is_replaced_long_before_a_redrive_policy_dead_letters_it():
    world = World(0.0, outcome=lambda: ActionFailed("the share is offline"))
    world.put()
    (timer, _), receives, most = world.sent.pop(), 0, 0
    for _ in range(400):  # hours of failures
        receives += 1
        most = max(most, receives)
        verdict = world.on_timer(timer, receives)
        if isinstance(verdict, DeferTimer):
            world.now += verdict.after_s
        else:
            ((timer, due), receives) = world.sent.pop(), 0
            world.now = max(world.now, due)
    assert most == protocol.ROTATE_RECEIVES
    assert world.table.read(RULE, KEY).armed == timer.token
    world.outcome = ActionCompleted
    world.now += 1000
    assert world.on_timer(timer, 1) == AckTimer("covered")


def test_an_unsent_replacement_timer_is_sent_when_the_old_one_is_redelivered():
    world = World(0.0, outcome=lambda: ActionFailed("no"))
    world.put()
    (timer, _) = world.sent.pop()

    def broken(*_):
        raise AwsError("the network is down")

    send, world.hands = (
        world.hands,
        ProtocolHandlers(world, broken, world.act, now=lambda: world.now, monotonic=lambda: world.now),
    )
    world.now += 60
    with pytest.raises(AwsError):
        world.on_timer(timer, protocol.ROTATE_RECEIVES)
    world.hands = send
    assert isinstance(world.on_timer(timer, protocol.ROTATE_RECEIVES + 1), AckTimer)
    assert [sent.token for sent, _ in world.sent] == [protocol.successor(timer.token)]


@pytest.mark.parametrize(("token", "after"), [("m", "m~1"), ("m~1", "m~2"), ("a~b", "a~b~1"), ("m~9", "m~10")])
def test_a_new_token_is_derived_from_the_old_one(token, after):
    assert protocol.successor(token) == after


# Lambda and worker


def rule(**options):
    plain = {
        "name": "r",
        "queue": "q",
        "table": "t",
        "timers": "q-timers",
        "action": {"kind": "python", "function": "a:b"},
    }
    return AggregateConfig.model_validate(plain | options)


def engine_of(world, config):
    return WindowEngine(
        [RuleRuntime(AggregationRule(config), world, world.send, world.act, lambda *_, **__: {}, {})],
        now=lambda: world.now,
    )


def test_in_lambda_the_window_begins_when_the_first_message_was_sent():
    """The event source's batching window is part of the window, not added to it."""
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


def test_in_lambda_a_timer_received_often_is_replaced():
    world = World(0.0, outcome=lambda: ActionFailed("no"))
    world.table.paused = lambda _: False
    world.paused = lambda _: False
    world.put()
    (timer, _) = world.sent.pop()
    world.now += 60
    put_off = []
    handle = make_handler(engine_of(world, rule(window_s=30)), lambda *arguments: put_off.append(arguments))
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
def test_messages_of_a_killed_worker_are_redelivered_within_about_a_window(window_s):
    worker = AggregationWorker(None, [rule(window_s=window_s)], queues=_NoQueues(), store=None, timers=None)
    config = worker._source_config()
    assert config.visibility_s <= max(12, min(60, window_s)) + 11 + config.batch_window_s + 1
    config.limits()  # the times do not contradict each other
    assert isinstance(config.limits(), Limits)


def test_configured_times_override_the_defaults():
    settings = {"wait_s": 20, "read_timeout_s": 35.0, "visibility_s": 90}
    worker = AggregationWorker(None, [rule(window_s=5)], queues=_NoQueues(), store=None, timers=None, settings=settings)
    assert worker._source_config().visibility_s == 90


class _NoQueues:
    def registry(self):
        from prometheus_client import CollectorRegistry

        return CollectorRegistry()


# Shares


class Gateway:
    """Storage Gateway's responses for one share over one bucket, and the times of its refreshes."""

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


def process(gateway, table, clock, memory=None, *, monotonic=None):
    """Return the context of one process's action: memory is per process, the table is shared."""
    spacing = Spacing(table, now=clock, monotonic=monotonic or clock)
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
                StartedAction,
            )
        except RetryActionLater:
            later += 1
    gaps = [after - before for before, after in itertools.pairwise(gateway.refreshed)]
    assert len(gaps) >= 20
    assert min(gaps) >= 60
    assert later > 100


def test_a_process_suspended_after_its_reservation_does_not_refresh():
    clock, table = Clock(), MemoryTable()
    gateway = Gateway(clock)
    readings = iter([0.0, MARGIN_S + 1])
    with pytest.raises(RetryActionLater, match="suspended"):
        StorageGatewayRefresh().act(SUMMARY, process(gateway, table, clock, monotonic=lambda: next(readings)))
    assert gateway.refreshed == []
    assert isinstance(
        StorageGatewayRefresh().act(SUMMARY, process(gateway, table, clock)), StartedAction
    )  # the share was released


def test_all_shares_are_reserved_or_none():
    clock, table = Clock(), MemoryTable()
    first, second = Spacing(table, clock, clock), Spacing(table, clock, clock)
    assert second.reserve(["b"], 60) == 0
    assert first.reserve(["a", "b"], 60) > 60
    assert second.reserve(["a"], 60) == 0
    assert table.read(SHARED, "a").claim == second.holder
