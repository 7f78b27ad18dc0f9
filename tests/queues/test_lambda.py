"""The same handler in Lambda: partial batch responses, groups in order, rejected messages dead_lettered."""

import asyncio
import base64
import json
import threading
import time

import pytest

from windlass.queues.envelope_handler import wrap_envelopes
from windlass.queues.idempotency import StoreLedger, key_of, once
from windlass.queues.lambda_ import lambda_handler
from windlass.queues.model import Reject, RetryLater
from windlass.store.config import StoreConfig
from windlass.store.database import open_store


def batch(*bodies, group=""):
    return {
        "Records": [
            {
                "messageId": f"id-{body}",
                "receiptHandle": "r",
                "body": body,
                "eventSource": "aws:sqs",
                "attributes": {"ApproximateReceiveCount": "1"}
                | ({"MessageGroupId": group or body[0]} if group else {}),
                "messageAttributes": {"a": {"stringValue": "v", "dataType": "String"}},
            }
            for body in bodies
        ]
    }


def failed(answer):
    return [batch_item_failure["itemIdentifier"] for batch_item_failure in answer["batchItemFailures"]]


@pytest.fixture(params=["async", "sync"])
def made(request):
    """A handler of both kinds that fails on bodies with an x, and rejects those with a z."""
    seen = []

    def work(message):
        seen.append(message.body)
        assert message.attributes["a"]["StringValue"] == "v"
        if "x" in message.body:
            raise ValueError("no")
        if "z" in message.body:
            raise Reject("never")

    async def async_work(message):
        await asyncio.sleep(0)
        work(message)

    return (async_work if request.param == "async" else work), seen


def test_only_what_failed_comes_again(made):
    handler, seen = made
    assert failed(lambda_handler(handler)(batch("a", "bx", "c"), None)) == ["id-bx"]
    assert sorted(seen) == ["a", "bx", "c"]


def test_what_follows_a_failure_in_its_group_is_not_handled_and_comes_again(made):
    handler, seen = made
    event = batch("a1", "a2x", "a3", group="a")
    event["Records"] += batch("b1", "b2", group="b")["Records"]
    assert sorted(failed(lambda_handler(handler)(event, None))) == ["id-a2x", "id-a3"]
    assert "a3" not in seen
    assert [entry for entry in seen if entry[0] == "b"] == ["b1", "b2"]


def test_a_rejected_message_is_buried_and_done(made):
    handler, _ = made
    dead_lettered = []
    handle = lambda_handler(handler, dead_letter=lambda message, reason: dead_lettered.append((message.body, reason)))
    assert failed(handle(batch("az", "b"), None)) == []
    assert dead_lettered == [("az", "never")]


def test_a_rejected_message_that_cannot_be_buried_comes_again(made):
    handler, _ = made

    def dead_letter(message, reason):
        raise OSError("no network")

    assert failed(lambda_handler(handler, dead_letter=dead_letter)(batch("az"), None)) == ["id-az"]
    assert failed(lambda_handler(handler)(batch("az"), None)) == ["id-az"]


# As a worker does it: back-off by RetryLater, wrapped bodies, idempotency, the time that is left


class Context:
    """Lambda's, of an invocation that began just now."""

    def __init__(self, remaining_s):
        self._end = time.monotonic() + remaining_s

    def get_remaining_time_in_millis(self):
        return max(0, int((self._end - time.monotonic()) * 1000))


def test_retry_later_sets_when_the_message_comes_again(made):
    put_off = []

    def work(message):
        if "x" in message.body:
            raise RetryLater(90, "busy")
        if "y" in message.body:
            raise ValueError("no")

    async def async_work(message):
        work(message)

    for handler in (work, async_work):
        handle = lambda_handler(handler, postpone=lambda *asked: put_off.append(asked))
        event = batch("a", "bx", "cy")
        for record in event["Records"]:
            record["eventSourceARN"] = "arn:aws:sqs:eu-west-1:123456789012:q"
            record["receiptHandle"] = f"r-{record['body']}"
        assert failed(handle(event, None)) == ["id-bx", "id-cy"]
    assert put_off == [("arn:aws:sqs:eu-west-1:123456789012:q", "r-bx", 90)] * 2


def test_a_visibility_that_cannot_be_set_leaves_the_message_to_the_queue():
    def handler(_):
        raise RetryLater(5)

    def postpone(*_):
        raise OSError("no network")

    assert failed(lambda_handler(handler, postpone=postpone)(batch("a"), None)) == ["id-a"]


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_message_for_which_no_time_is_left_comes_again_and_what_is_done_stays_done(kind):
    """Else Lambda would end the function, and all of the batch would be handled once more."""
    seen, put_off, release = [], [], threading.Event()

    def work(message):
        seen.append(message.body)
        if message.body == "b":
            assert release.wait(20) is True or message.lost

    async def async_work(message):
        seen.append(message.body)
        if message.body == "b":
            await asyncio.sleep(20)

    handle = lambda_handler(
        work if kind == "sync" else async_work, postpone=lambda *asked: put_off.append(asked[2]), concurrency=1
    )
    started = time.monotonic()
    try:
        assert failed(handle(batch("a", "b", "c"), Context(0.5))) == ["id-b", "id-c"]
    finally:
        release.set()
    assert time.monotonic() - started < 15
    assert seen == ["a", "b"]
    assert put_off == [0, 0]


def test_layers_are_taken_off_and_work_is_done_once(tmp_path):
    with open_store(StoreConfig(url=f"sqlite:///{tmp_path}/ledger.db")) as store:
        ledger = StoreLedger(store, busy_s=60.0, window_s=3600.0)
        seen = []

        def around(handler):
            return wrap_envelopes(["sns"], lambda _: "")(once(ledger, key_of("arn:q", "id"))(handler))

        handle = lambda_handler(lambda message: seen.append(message.json()), around=around)
        wrapped = json.dumps({"TopicArn": "arn:aws:sns:x", "Message": json.dumps({"id": 7})})
        event = batch("a", "b")
        for record in event["Records"]:
            record["body"] = wrapped
        assert failed(handle(event, None)) == []
    assert seen == [{"id": 7}]


def test_binary_attributes_are_bytes_as_from_a_worker():
    seen = []
    event = batch("a")
    event["Records"][0]["messageAttributes"] = {
        "b": {"dataType": "Binary", "binaryValue": base64.b64encode(b"\0\xff").decode()}
    }
    lambda_handler(lambda message: seen.append(message.attributes))(event, None)
    assert seen == [{"b": {"DataType": "Binary", "BinaryValue": b"\0\xff"}}]
