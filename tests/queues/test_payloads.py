"""A large payload is deleted with its message: after SQS confirmed it, and never while a copy of the message may need it."""

import json
import threading
import time
import uuid

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from tests.queues.conftest import wait_for
from tests.queues.memory import MemoryTransport
from tests.queues.test_coordinator import Bench
from tests.queues.test_driver import consume
from windlass.core.errors import AccessDenied, AwsError
from windlass.queues.config import ConsumeConfig
from windlass.queues.lambda_ import PayloadDeletion, lambda_handler
from windlass.queues.model import Delete, DeletePayload, Reject, Rejected, Retry, Stopped
from windlass.queues.payloads import DEDUPLICATION, Pointer, deletable_payload, write_pointer
from windlass.queues.transports import dead_letter_entry
from windlass.wire.sqs import Failed, Message

BUCKET = "large"
SIZE = {"ExtendedPayloadSize": {"DataType": "Number", "StringValue": "5"}}


def large(name="m", *, count=1, bucket=BUCKET, attributes=SIZE, **system):
    body = write_pointer(Pointer(bucket, f"payload-{name}"))
    return Message(name, f"{name}#{count}", body, {"ApproximateReceiveCount": str(count)} | system, attributes)


def bench(**limits):
    return Bench(concurrency=1, prefetch=0, payload_bucket=BUCKET, **limits)


def payloads(coordinator):
    return [(entry.bucket, entry.key) for entry in coordinator.of(DeletePayload)]


@pytest.mark.parametrize("attribute", ["ExtendedPayloadSize", "SQSLargePayloadSize"])
@pytest.mark.parametrize(
    "java_class",
    ["software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer"],
)
def test_a_pointer_of_every_extended_client_is_read(attribute, java_class):
    body = json.dumps([java_class, {"s3BucketName": BUCKET, "s3Key": "k"}])
    message = Message("m", "r", body, {}, {attribute: SIZE["ExtendedPayloadSize"]})
    assert deletable_payload(message, BUCKET) == Pointer(BUCKET, "k")


@pytest.mark.parametrize(
    "message",
    [
        large(bucket="other"),
        large(attributes={}),
        large(attributes=SIZE | {DEDUPLICATION: {"DataType": "String", "StringValue": "first"}}),
        large(DeadLetterQueueSourceArn="arn:aws:sqs:us-east-1:111111111111:orders"),
        Message("m", "r", "plain", {}, SIZE),
        Message("m", "r", '["software.amazon.payloadoffloading.PayloadS3Pointer", {}]', {}, SIZE),
        Message("m", "r", json.dumps({"TopicArn": "arn:aws:sns:x", "Message": large().body}), {}, SIZE),
    ],
    ids=["other bucket", "no size", "redriven", "dead-lettered by SQS", "no pointer", "malformed", "SNS envelope"],
)
def test_a_payload_that_others_may_need_is_not_deletable(message):
    assert deletable_payload(message, BUCKET) is None


def test_a_copy_in_the_dead_letter_queue_keeps_its_payload():
    copy = dead_letter_entry(large(), "broken")
    redriven = Message("second", "r", copy.body, {}, copy.attributes)
    assert deletable_payload(redriven, BUCKET) is None


def test_a_payload_is_deleted_only_after_sqs_confirmed_its_message():
    coordinator = bench()
    coordinator.deliver(large())
    coordinator.handle("m")
    coordinator.later(1.0)
    (delete,) = coordinator.of(Delete)
    assert payloads(coordinator) == []
    coordinator.coordinator.deleted(delete.number, [], coordinator.now)
    coordinator.collect()
    assert payloads(coordinator) == [(BUCKET, "payload-m")]


def test_without_the_option_no_payload_is_deleted():
    coordinator = Bench(concurrency=1, prefetch=0)
    coordinator.deliver(large())
    coordinator.handle("m")
    coordinator.coordinator.deleted(coordinator.of(Delete)[0].number, [], coordinator.now)
    coordinator.collect()
    assert payloads(coordinator) == []


@pytest.mark.parametrize(
    "failed",
    [
        Failed(0, "ReceiptHandleIsInvalid", "", is_sender_fault=True),
        Failed(0, "InternalError", "", is_sender_fault=False),
    ],
    ids=["refused", "fault"],
)
def test_a_message_that_sqs_did_not_delete_keeps_its_payload(failed):
    coordinator = bench()
    coordinator.deliver(large())
    coordinator.handle("m")
    coordinator.coordinator.deleted(coordinator.of(Delete)[0].number, [failed], coordinator.now)
    coordinator.collect()
    assert payloads(coordinator) == []


def test_a_lost_answer_deletes_the_payload_when_the_repeated_delete_is_confirmed():
    coordinator = bench()
    coordinator.deliver(large())
    coordinator.handle("m")
    coordinator.coordinator.call_failed(coordinator.of(Delete)[0].number, coordinator.now)
    coordinator.later(1.0)
    first, second = coordinator.of(Delete)
    assert first.entries == second.entries
    assert payloads(coordinator) == []
    coordinator.coordinator.deleted(second.number, [], coordinator.now)
    coordinator.collect()
    assert payloads(coordinator) == [(BUCKET, "payload-m")]


def test_a_lost_answer_and_a_lost_lease_keep_the_payload_for_the_next_delivery():
    coordinator = bench()
    coordinator.deliver(large())
    coordinator.handle("m")
    coordinator.coordinator.call_failed(coordinator.of(Delete)[0].number, coordinator.now)
    coordinator.later(200.0)
    coordinator.deliver()  # nothing: the next receive is sent now
    assert payloads(coordinator) == []
    coordinator.deliver(large(count=2))
    coordinator.later(1.0)
    coordinator.coordinator.deleted(coordinator.of(Delete)[-1].number, [], coordinator.now)
    coordinator.collect()
    assert payloads(coordinator) == [(BUCKET, "payload-m")], (
        "the handler is not run again, and its delete is confirmed now"
    )


def test_a_failed_and_a_rejected_message_keep_their_payloads():
    coordinator = bench()
    coordinator.deliver(large())
    coordinator.handle("m", Retry("no"))
    coordinator.later(1.0)
    coordinator.deliver(large("r"))
    coordinator.handle("r", Rejected("never"))
    coordinator.coordinator.dead_lettered(coordinator.coordinator.leases.find("r").number, coordinator.now, ok=True)
    coordinator.later(1.0)
    coordinator.coordinator.deleted(coordinator.of(Delete)[-1].number, [], coordinator.now)
    coordinator.collect()
    assert payloads(coordinator) == []


def test_a_rejected_message_that_is_received_again_keeps_its_payload():
    """Its copy is in the dead-letter queue; only the delete of the original got lost."""
    coordinator = bench()
    coordinator.deliver(large())
    coordinator.handle("m", Rejected("never"))
    coordinator.coordinator.dead_lettered(coordinator.coordinator.leases.find("m").number, coordinator.now, ok=True)
    coordinator.later(0.2)
    coordinator.coordinator.call_failed(coordinator.of(Delete)[-1].number, coordinator.now)
    coordinator.later(200.0)
    coordinator.deliver()  # nothing: the next receive is sent now
    coordinator.deliver(large(count=2))
    coordinator.later(1.0)
    coordinator.coordinator.deleted(coordinator.of(Delete)[-1].number, [], coordinator.now)
    coordinator.collect()
    assert coordinator.coordinator.counts.deleted == 1
    assert payloads(coordinator) == []


def test_a_stop_waits_for_payloads_on_the_wire_but_not_for_ever():
    coordinator = bench(drain_s=1, flush_s=1)
    coordinator.deliver(large())
    coordinator.handle("m")
    coordinator.coordinator.deleted(coordinator.of(Delete)[0].number, [], coordinator.now)
    coordinator.later(0.1)
    coordinator.coordinator.stop(coordinator.now)
    for poll in list(coordinator.coordinator.polling.pending):
        coordinator.coordinator.poll_failed(poll, coordinator.now)
    coordinator.later(0.5)
    assert coordinator.of(Stopped) == []
    coordinator.later(5.0)
    assert coordinator.of(Stopped) == [Stopped()]


def test_a_payload_that_cannot_be_deleted_is_counted_and_logged_once():
    messages = [large(f"m{n}") for n in range(50)]
    transport, deleted = MemoryTransport(messages), []

    def delete(pointer):
        if pointer.key in ("payload-m7", "payload-m8"):
            raise AccessDenied("may not delete", hint="Allow s3:DeleteObject.")
        deleted.append(pointer.key)

    def handler(_):
        pass

    with capture_logs() as logs:
        driver = consume(
            transport,
            handler,
            until=lambda: len(transport.deleted) == 50 and len(deleted) == 48,
            payload_bucket=BUCKET,
            delete_payload=delete,
        )
    counts = driver.coordinator.counts
    assert (counts.done, counts.failed, counts.deleted) == (50, 0, 50)
    assert (counts.deleted_payloads, counts.failed_payload_deletes) == (48, 2)
    (line,) = [log for log in logs if log["event"] == "payload.delete_failed"]
    assert line["hint"] == "Allow s3:DeleteObject."
    assert line["payload"].startswith("s3://large/payload-m")


def test_a_hanging_s3_delays_no_message_and_ends_with_the_stop():
    transport, hang = MemoryTransport([large(f"m{n}") for n in range(40)]), threading.Event()

    async def handler(_):
        pass

    begun = time.monotonic()
    consume(
        transport,
        handler,
        until=lambda: len(transport.deleted) == 40,
        payload_bucket=BUCKET,
        delete_payload=lambda _: hang.wait(30),
        drain_s=1,
        flush_s=0.5,
    )
    hang.set()
    assert time.monotonic() - begun < 10


def test_settings_that_name_no_bucket_are_refused():
    with pytest.raises(ValidationError, match="delete_payload needs payload_bucket"):
        ConsumeConfig(queue="q", handler="a:b", unwrap=["s3"], delete_payload=True)
    with pytest.raises(ValidationError, match="delete_payload needs payload_bucket"):
        ConsumeConfig(queue="q", handler="a:b", payload_bucket=BUCKET, delete_payload=True)
    config = ConsumeConfig(queue="q", handler="a:b", payload_bucket=BUCKET, unwrap=["s3"])
    assert config.limits().payload_bucket == "", "off unless it is asked for"


def record(message, **more):
    attributes = {name: {"stringValue": one["StringValue"], "dataType": one["DataType"]} for name, one in SIZE.items()}
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": dict(message.attributes),
        "messageAttributes": attributes,
        "eventSourceARN": "arn:aws:sqs:us-east-1:111111111111:orders",
    } | more


def test_a_function_deletes_the_message_and_then_its_payload():
    calls = []

    def handler(received):
        calls.append(("handled", received.message_id))
        if received.message_id == "bad":
            raise ValueError("no")
        if received.message_id == "never":
            raise Reject("never")

    def delete_message(arn, receipt):
        if receipt == "stays#1":
            raise AwsError("the connection was lost")
        calls.append(("message", receipt))

    def delete_object(pointer):
        calls.append(("payload", pointer.key))
        if pointer.key == "payload-denied":
            raise AccessDenied("may not delete")

    function = lambda_handler(
        handler,
        dead_letter=lambda message, reason: calls.append(("dead-lettered", message.message_id)),
        payloads=PayloadDeletion(BUCKET, delete_message, delete_object),
    )
    names = ("fine", "bad", "never", "stays", "denied")
    with capture_logs() as logs:
        answer = function({"Records": [record(large(name)) for name in names]}, None)
    assert [batch_item_failure["itemIdentifier"] for batch_item_failure in answer["batchItemFailures"]] == ["bad"], (
        "no failed delete fails a message"
    )
    assert [call for call in calls if call[0] != "handled"] == [
        ("message", "fine#1"),
        ("payload", "payload-fine"),
        ("dead-lettered", "never"),
        ("message", "denied#1"),
        ("payload", "payload-denied"),
    ]
    assert len([log for log in logs if log["event"] == "payload.delete_failed"]) == 1, "logged at a rate"


def test_a_function_without_time_leaves_the_payload():
    calls = []

    class Context:
        def get_remaining_time_in_millis(self):
            return 500

    deletion = PayloadDeletion(BUCKET, lambda *_: calls.append("message"), lambda _: calls.append("payload"))
    function = lambda_handler(lambda _: None, payloads=deletion)
    assert function({"Records": [record(large())]}, Context()) == {"batchItemFailures": []}
    assert calls == []


@pytest.mark.parametrize("transport", ["lean", "boto3"])
def test_payloads_go_with_their_messages(transport, queues, new_queue, consuming, client):
    url, dead = new_queue()
    bucket, s3 = f"payloads-{uuid.uuid4().hex[:8]}", client("s3")
    s3.create_bucket(Bucket=bucket)
    queue = queues.open(url)
    queues.send(queue, [kind * 1_100_000 for kind in "abx"], large_bucket=bucket)
    queues.send(queue, [write_pointer(Pointer("elsewhere", "k")), "small"])
    seen = []

    def handler(message):
        seen.append(message.body[:1])
        if message.body[0] == "x":
            raise Reject("never")

    consumer = consuming(url, handler, transport=transport, unwrap=["s3"], payload_bucket=bucket, delete_payload=True)
    wait_for(lambda: consumer.counts.deleted == 5 and consumer.counts.deleted_payloads == 2)
    assert sorted(seen) == ["a", "b", "s", "x"]
    assert consumer.counts.rejected == 2, "the rejected one, and the pointer to a bucket that is not payload_bucket"
    (kept,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    letters = client("sqs").receive_message(
        QueueUrl=dead, MaxNumberOfMessages=10, WaitTimeSeconds=2, MessageAttributeNames=["All"]
    )["Messages"]
    assert any(kept["Key"] in letter["Body"] for letter in letters), "the dead letter's payload remains"
