"""The same handler in Lambda: partial batch responses, groups in order, rejected messages buried."""

import asyncio

import pytest

from windlass.queues.lambda_ import lambda_handler
from windlass.queues.model import Reject


def batch(*bodies, group=""):
    return {
        "Records": [
            {
                "messageId": f"id-{body}", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
                "attributes": {"ApproximateReceiveCount": "1"} | ({"MessageGroupId": group or body[0]} if group else {}),
                "messageAttributes": {"a": {"stringValue": "v", "dataType": "String"}},
            }
            for body in bodies
        ]
    }  # fmt: skip


def failed(answer):
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


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
    assert [one for one in seen if one[0] == "b"] == ["b1", "b2"]


def test_a_rejected_message_is_buried_and_done(made):
    handler, _ = made
    buried = []
    handle = lambda_handler(handler, bury=lambda message, reason: buried.append((message.body, reason)))
    assert failed(handle(batch("az", "b"), None)) == []
    assert buried == [("az", "never")]


def test_a_rejected_message_that_cannot_be_buried_comes_again(made):
    handler, _ = made

    def bury(message, reason):
        raise OSError("no network")

    assert failed(lambda_handler(handler, bury=bury)(batch("az"), None)) == ["id-az"]
    assert failed(lambda_handler(handler)(batch("az"), None)) == ["id-az"]
