"""Messages over HTTP with boto3: batches, long polls, handles, FIFO, dead letters and moving them back."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sqs_clients import arn_of, client, error_code, fresh


@pytest.fixture
def sqs(local_aws):
    made = client(local_aws.url)
    yield made
    made.close()


@pytest.fixture
def queue(sqs):
    return sqs.create_queue(QueueName=fresh())["QueueUrl"]


@pytest.fixture
def fifo(sqs):
    options = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=fresh(".fifo"), Attributes=options)["QueueUrl"]


def receive(sqs, url, **options):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options).get("Messages", [])


def test_a_message_comes_with_everything_it_was_sent_with(sqs, queue):
    options = {
        "kind": {"DataType": "String", "StringValue": "größe"},
        "app.size": {"DataType": "Number.int", "StringValue": "42"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    body = "line\r\n<&> ✓"
    sent = sqs.send_message(QueueUrl=queue, MessageBody=body, MessageAttributes=options, MessageSystemAttributes=trace)
    [got] = receive(
        sqs, queue, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"], VisibilityTimeout=0
    )  # botocore itself checks MD5OfBody
    assert (got["Body"], got["MessageAttributes"], got["MessageId"]) == (body, options, sent["MessageId"])
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    assert got["Attributes"]["AWSTraceHeader"] == "Root=1"
    assert abs(int(got["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    [part] = receive(sqs, queue, MessageAttributeNames=["app.*"], AttributeNames=["SenderId"])
    assert set(part["MessageAttributes"]) == {"app.size"}
    assert set(part["Attributes"]) == {"SenderId"}
    assert part["MD5OfMessageAttributes"] != sent["MD5OfMessageAttributes"]


def test_the_md5_of_attributes_is_the_one_of_the_developer_guide():
    from windlass_local.sqs.message import md5_of_attributes

    assert md5_of_attributes({"a": {"DataType": "String", "StringValue": "b"}}) == _reference_md5()


def _reference_md5():
    import hashlib

    encoded = b"\x00\x00\x00\x01a" + b"\x00\x00\x00\x06String" + b"\x01" + b"\x00\x00\x00\x01b"
    return hashlib.md5(encoded).hexdigest()


def test_a_long_poll_ends_as_soon_as_there_is_a_message(sqs, queue):
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(receive, sqs, queue, WaitTimeSeconds=20)
        time.sleep(0.3)
        started = time.monotonic()
        sqs.send_message(QueueUrl=queue, MessageBody="now")
        assert [each["Body"] for each in poll.result(15)] == ["now"]
        assert time.monotonic() - started < 10


def test_a_long_poll_sees_a_delay_and_a_visibility_timeout_end(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="delayed", DelaySeconds=1)
    assert receive(sqs, queue) == []
    [got] = receive(sqs, queue, WaitTimeSeconds=20, VisibilityTimeout=1)
    assert got["Body"] == "delayed"
    assert [each["Body"] for each in receive(sqs, queue, WaitTimeSeconds=20)] == ["delayed"]


def test_a_poll_that_waits_already_gets_what_another_consumer_let_go(sqs, queue):
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        polls = [pool.submit(receive, sqs, queue, WaitTimeSeconds=20, VisibilityTimeout=1) for _ in range(2)]
        time.sleep(0.3)
        sqs.send_message(QueueUrl=queue, MessageBody="x")
        assert [[each["Body"] for each in poll.result(30)] for poll in polls] == [["x"], ["x"]]
    assert time.monotonic() - started < 15


def test_many_waiting_polls_share_what_comes_and_hold_no_thread(sqs, queue):
    with ThreadPoolExecutor(24) as pool:
        polls = [pool.submit(receive, sqs, queue, WaitTimeSeconds=15) for _ in range(24)]
        time.sleep(0.5)
        for number in range(24):
            sqs.send_message(QueueUrl=queue, MessageBody=str(number))
        got: list[str] = []
        deadline = time.monotonic() + 20
        while len(got) < 24 and time.monotonic() < deadline:
            done = [poll for poll in polls if poll.done()]
            polls = [poll for poll in polls if not poll.done()]
            got += [each["Body"] for poll in done for each in poll.result()]
            if polls:  # left over because another took several: let them end
                sqs.send_message(QueueUrl=queue, MessageBody="end")
            time.sleep(0.05)
        assert sorted(int(each) for each in got if each != "end") == list(range(24))
        for _ in polls:
            sqs.send_message(QueueUrl=queue, MessageBody="end")


def test_deleting_the_queue_ends_its_polls(sqs, queue):
    threading.Timer(0.3, lambda: sqs.delete_queue(QueueUrl=queue)).start()
    assert error_code(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=20).endswith("NonExistentQueue")


def test_a_batch_reports_the_failed_entries(sqs, queue):
    answer = sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[
            {"Id": "good", "MessageBody": "x"},
            {"Id": "late", "MessageBody": "x", "DelaySeconds": 901},
            {"Id": "odd", "MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Float", "StringValue": "1"}}},
        ],
    )
    assert [each["Id"] for each in answer["Successful"]] == ["good"]
    assert [(each["Id"], each["Code"], each["SenderFault"]) for each in answer["Failed"]] == [
        ("late", "InvalidParameterValue", True),
        ("odd", "InvalidParameterValue", True),
    ]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "MessageBody": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)], "BatchRequestTooLong"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_invalid_batch_is_refused_completely(sqs, queue, entries, code):
    assert error_code(sqs.send_message_batch, QueueUrl=queue, Entries=entries) == f"AWS.SimpleQueueService.{code}"
    assert receive(sqs, queue) == []


def test_a_message_of_a_mebibyte_goes_and_one_byte_more_does_not(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x" * 1_048_576)
    assert error_code(sqs.send_message, QueueUrl=queue, MessageBody="x" * 1_048_577) == "InvalidParameterValue"
    assert len(receive(sqs, queue)[0]["Body"]) == 1_048_576


def test_handles_that_are_none_or_of_another_queue_are_invalid(sqs, queue):
    other = sqs.create_queue(QueueName=fresh())["QueueUrl"]
    sqs.send_message(QueueUrl=other, MessageBody="x")
    handle = receive(sqs, other)[0]["ReceiptHandle"]
    for wrong in ("nonsense", handle):
        with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=wrong)
    entries = [{"Id": "1", "ReceiptHandle": "nonsense"}, {"Id": "2", "ReceiptHandle": handle}]
    answer = sqs.delete_message_batch(QueueUrl=other, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["2"]
    assert answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"


def test_visibility_is_changed_one_by_one_and_in_batches(sqs, queue):
    for body in "ab":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    first, second = receive(sqs, queue)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    entries = [
        {"Id": "1", "ReceiptHandle": first["ReceiptHandle"], "VisibilityTimeout": 60},
        {"Id": "2", "ReceiptHandle": second["ReceiptHandle"], "VisibilityTimeout": 0},
    ]
    answer = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["2"]
    assert answer["Failed"][0]["Code"] == "AWS.SimpleQueueService.MessageNotInflight"
    assert sorted(each["Body"] for each in receive(sqs, queue)) == ["a", "b"]


def test_a_fifo_queue_keeps_order_drops_repeats_and_numbers_its_messages(sqs, fifo):
    answers = [sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g") for body in ("1", "2", "1", "3")]
    assert answers[2]["MessageId"] == answers[0]["MessageId"]
    assert answers[0]["SequenceNumber"] < answers[1]["SequenceNumber"] < answers[3]["SequenceNumber"]
    got = receive(sqs, fifo, AttributeNames=["All"])
    assert [each["Body"] for each in got] == ["1", "2", "3"]
    assert got[0]["Attributes"]["MessageGroupId"] == "g"
    assert receive(sqs, fifo) == []
    code = error_code(sqs.send_message, QueueUrl=fifo, MessageBody="x", MessageGroupId="g", DelaySeconds=3)
    assert code == "InvalidParameterValue"
    assert error_code(sqs.send_message, QueueUrl=fifo, MessageBody="x") == "MissingParameter"


def test_deduplication_by_group_lets_another_group_send_the_same(sqs):
    options = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "DeduplicationScope": "messageGroup"}
    queue = sqs.create_queue(QueueName=fresh(".fifo"), Attributes=options)["QueueUrl"]
    for group in ("a", "b", "a"):
        sqs.send_message(QueueUrl=queue, MessageBody="same", MessageGroupId=group)
    assert len(receive(sqs, queue)) == 2


def dead_letters(sqs, count):
    """A queue whose `count` messages have all gone to its dead-letter queue."""
    dead = sqs.create_queue(QueueName=fresh())["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": 1})
    source = sqs.create_queue(QueueName=fresh(), Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    for number in range(count):
        sqs.send_message(QueueUrl=source, MessageBody=str(number))
    receive(sqs, source, VisibilityTimeout=0)
    assert receive(sqs, source) == []
    return source, dead


def test_dead_letters_are_moved_back_to_where_they_came_from(sqs):
    source, dead = dead_letters(sqs, 4)
    [one] = sqs.receive_message(QueueUrl=dead, VisibilityTimeout=0, AttributeNames=["All"])["Messages"]
    assert one["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, source)
    dead_arn = arn_of(sqs, dead)
    assert sqs.start_message_move_task(SourceArn=dead_arn)["TaskHandle"]
    got: list[str] = []
    while len(got) < 4:
        messages = receive(sqs, source, WaitTimeSeconds=10)
        assert messages, "the move task brought nothing"
        got += [each["Body"] for each in messages]
    assert sorted(got) == ["0", "1", "2", "3"]
    deadline = time.monotonic() + 10
    while (task := sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"][0])["Status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 4)


def test_a_move_task_can_be_slow_cancelled_and_only_one(sqs):
    source, dead = dead_letters(sqs, 3)
    dead_arn = arn_of(sqs, dead)
    handle = sqs.start_message_move_task(SourceArn=dead_arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    assert error_code(sqs.start_message_move_task, SourceArn=dead_arn).endswith("UnsupportedOperation")
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] <= 2
    assert sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"][0]["Status"] == "CANCELLED"
    assert error_code(sqs.start_message_move_task, SourceArn=arn_of(sqs, source)) == "InvalidParameterValue"
    assert error_code(sqs.cancel_message_move_task, TaskHandle="x") == "ResourceNotFoundException"


def test_threads_lose_nothing_and_share_nothing(sqs, queue):
    """Eight senders and eight consumers at once: every message is handled exactly once."""
    total, handled = 400, []

    def produce(worker):
        for batch in range(5):
            entries = [{"Id": str(n), "MessageBody": f"{worker}-{batch}-{n}"} for n in range(10)]
            assert len(sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 10

    def consume(_):
        while messages := receive(sqs, queue, WaitTimeSeconds=1):
            handled.extend(each["Body"] for each in messages)
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            assert "Failed" not in sqs.delete_message_batch(QueueUrl=queue, Entries=entries)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(produce, range(8)))
        list(pool.map(consume, range(8)))
    assert len(handled) == total == len(set(handled))
