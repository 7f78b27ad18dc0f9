"""Consumers, the service and the commands against the embedded AWS, over HTTP as against AWS."""

import asyncio
import base64
import gzip
import json
import re
import threading
import time
import urllib.error
import urllib.request
import uuid

import pytest

from tests.queues.conftest import ACCOUNT, FAST, wait_for
from windlass.app import App
from windlass.core.errors import ConfigError, NotFound, PartialFailure, UsageError
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.idempotency import DynamoLedger, StoreLedger, key_of
from windlass.queues.model import Reject
from windlass.queues.payloads import DEDUPLICATION, Pointer, write_pointer
from windlass.queues.received_message import ReceivedMessage
from windlass.queues.transports import dead_letter_entry
from windlass.settings import load
from windlass.wire.sqs import Message


def depth(client, url):
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


@pytest.mark.parametrize("transport", ["lean", "boto3"])
def test_a_queue_is_consumed_to_its_end(transport, queues, new_queue, consuming, client):
    url, _ = new_queue()
    queues.send(queues.open(url), [f"m{n}" for n in range(250)])
    seen = []

    def handler(message):
        seen.append(message.body)

    consumer = consuming(url, handler, transport=transport, concurrency=8)
    wait_for(lambda: depth(client, url) == 0)
    assert consumer.stopped() == 0
    assert sorted(seen) == sorted(f"m{n}" for n in range(250))
    assert consumer.counts.deleted == 250


@pytest.mark.parametrize("transport", ["lean", "boto3"])
def test_a_rejected_message_is_in_the_dead_letters_with_its_reason_and_attributes(
    transport, queues, new_queue, consuming, client
):
    url, dead = new_queue()
    client("sqs").send_message(
        QueueUrl=url, MessageBody="junk", MessageAttributes={"origin": {"DataType": "String", "StringValue": "scanner"}}
    )

    async def handler(_):
        raise Reject("no handler will ever take this")

    consuming(url, handler, transport=transport)
    wait_for(lambda: depth(client, dead) == 1)
    (letter,) = queues.peek(queues.open(dead))
    assert (letter.body, letter.reason) == ("junk", "no handler will ever take this")
    assert letter.attributes["origin"] == "scanner"
    wait_for(lambda: depth(client, url) == 0)


def test_every_copy_of_a_rejected_message_has_the_same_id_and_is_handled_once_when_redriven():
    """A lost answer to the send makes a second copy: nothing but its first id tells that it is one."""
    first = Message("m1", "r", "b", {"ApproximateReceiveCount": "1"}, {"a": {"DataType": "String", "StringValue": "v"}})
    again = Message("m1", "r2", "b", {"ApproximateReceiveCount": "2"}, first.message_attributes)
    copies = [dead_letter_entry(first, "no"), dead_letter_entry(again, "no")]
    ids = {entry.attributes[DEDUPLICATION]["StringValue"] for entry in copies}
    assert ids == {"m1"}
    redriven = [Message(f"new-{n}", "r", "b", {}, entry.attributes) for n, entry in enumerate(copies)]
    assert len({key_of("arn")(ReceivedMessage(message, "b")) for message in redriven}) == 1
    # rejected once more, it keeps the id that it began with
    assert dead_letter_entry(redriven[0], "no").attributes[DEDUPLICATION]["StringValue"] == "m1"
    full = Message("m2", "r", "b", {}, {f"a{n}": {"DataType": "String", "StringValue": "v"} for n in range(10)})
    assert len(dead_letter_entry(full, "no").attributes) == 10


@pytest.mark.parametrize("transport", ["lean", "boto3"])
def test_binary_attributes_are_bytes_whichever_transport_and_stay_so_among_the_dead_letters(
    transport, new_queue, consuming, client
):
    url, dead = new_queue()
    raw = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    client("sqs").send_message(QueueUrl=url, MessageBody="b", MessageAttributes={"raw": raw})
    seen = []

    def handler(message):
        seen.append(message.attributes["raw"])
        raise Reject("never")

    consuming(url, handler, transport=transport)
    wait_for(lambda: depth(client, dead) == 1)
    assert seen == [raw]
    (letter,) = client("sqs").receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"]
    assert letter["MessageAttributes"]["raw"] == raw


@pytest.mark.parametrize("transport", ["lean", "boto3"])
def test_an_idle_consumer_stops_without_waiting_for_its_long_poll(transport, new_queue, consuming, client):
    url, _ = new_queue()
    consumer = consuming(
        url, lambda _: None, transport=transport, wait_s=20, read_timeout_s=30, visibility_s=40, drain_s=25
    )
    wait_for(lambda: consumer.counts.polls >= 1)
    time.sleep(0.2)
    started = time.monotonic()
    assert consumer.stopped() == 0
    assert time.monotonic() - started < 12
    if transport == "boto3":  # its thread can't be broken off: what it still brings is given back
        client("sqs").send_message(QueueUrl=url, MessageBody="after")
        wait_for(lambda: client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))


def test_what_keeps_failing_ends_in_the_dead_letters_by_the_redrive_policy(queues, new_queue, consuming, client):
    url, dead = new_queue(receives=2)
    queues.send(queues.open(url), ["poison", "fine"])
    tries = []

    def handler(message):
        if message.body == "poison":
            tries.append(message.receive_count)
            raise ValueError("cannot")

    consuming(url, handler)
    wait_for(lambda: depth(client, dead) == 1)
    assert tries == [1, 2]
    wait_for(lambda: len(queues.failures()) >= 2)
    failure = queues.failures()[0]
    assert (failure.kind, failure.reason, failure.receive_count) == ("failed", "ValueError: cannot", 2)


def test_fifo_groups_keep_their_order_through_failures(queues, new_queue, consuming, client):
    url, _ = new_queue(".fifo", receives=10)
    sqs = client("sqs")
    for n in range(12):
        for group in "abc":
            sqs.send_message(QueueUrl=url, MessageBody=f"{group}{n}", MessageGroupId=group)
    order, failed = {"a": [], "b": [], "c": []}, set()

    async def handler(message):
        await asyncio.sleep(0.005)
        if message.body == "b4" and "b4" not in failed:
            failed.add("b4")
            raise ValueError("once")
        order[message.group].append(int(message.body[1:]))

    consuming(url, handler, concurrency=8)
    wait_for(lambda: depth(client, url) == 0, 40)
    assert order == {group: list(range(12)) for group in "abc"}


def test_a_handler_longer_than_the_visibility_keeps_its_message(queues, new_queue, consuming, client):
    url, _ = new_queue()
    queues.send(queues.open(url), ["long"])
    runs = []

    async def handler(message):
        runs.append(message.receive_count)
        await asyncio.sleep(14)

    consumer = consuming(url, handler, drain_s=20)
    wait_for(lambda: depth(client, url) == 0, 30)
    assert runs == [1]
    assert consumer.counts.extended >= 1


def test_envelopes_and_large_payloads_are_taken_off(queues, new_queue, consuming, client):
    url, _ = new_queue()
    bucket = f"payloads-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="large", Body=b"from S3")
    packed = base64.b64encode(gzip.compress(b"packed")).decode()
    sns = json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": packed})
    queues.send(
        queues.open(url),
        [sns, packed, "plain", write_pointer(Pointer(bucket, "large")), write_pointer(Pointer(bucket, "gone"))],
    )
    seen = []

    async def handler(message):
        seen.append(message.body)

    consumer = consuming(url, handler, unwrap=["sns", "s3", "gzip"])
    wait_for(lambda: depth(client, url) == 0)
    assert sorted(seen) == ["from S3", "packed", "packed", "plain"]
    assert consumer.counts.rejected == 1, "the payload that is gone can never be handled"


def test_messages_too_large_for_sqs_travel_through_s3(queues, new_queue, consuming, client):
    url, _ = new_queue()
    bucket = f"payloads-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)
    body = "x" * 1_200_000
    with pytest.raises(ConfigError, match="larger than SQS accepts"):
        queues.send(queues.open(url), [body])
    assert queues.send(queues.open(url), [body, "small"], large_bucket=bucket) == 2
    seen = []

    def handler(message):
        seen.append(len(message.body))

    consuming(url, handler, unwrap=["s3"])
    wait_for(lambda: sorted(seen) == [5, 1_200_000])


@pytest.mark.parametrize("kind", ["store", "dynamodb"])
def test_work_with_the_same_key_is_done_once(kind, queues, new_queue, consuming, client):
    url, _ = new_queue()
    table = f"ledger-{uuid.uuid4().hex[:8]}"
    if kind == "dynamodb":
        client("dynamodb").create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
    bodies = [json.dumps({"order": n % 5, "copy": n}) for n in range(40)]
    queues.send(queues.open(url), bodies)
    done = []

    async def handler(message):
        await asyncio.sleep(0.01)
        done.append(message.json()["order"])

    consuming(url, handler, idempotency=kind, idempotency_table=table, idempotency_key="order", concurrency=20)
    wait_for(lambda: depth(client, url) == 0, 50)
    assert sorted(done) == [0, 1, 2, 3, 4]


@pytest.fixture(params=["store", "dynamodb"])
def two_ledgers(request, sqlite_store, client, queues):
    """The same ledger, as two pods have it."""
    if request.param == "store":
        return [StoreLedger(sqlite_store, busy_s=60, window_s=3600) for _ in "ab"]
    table = f"ledger-{uuid.uuid4().hex[:8]}"
    client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    call = queues.caller(ACCOUNT, "us-east-1", "dynamodb")
    return [DynamoLedger(call, table, busy_s=60, window_s=3600) for _ in "ab"]


def test_a_ledger_gives_a_key_to_one_and_frees_it_when_its_holder_is_gone(two_ledgers):
    from datetime import UTC, datetime, timedelta

    ours, theirs = two_ledgers
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert ours.begin("k", "a", now).state == "mine"
    refused = theirs.begin("k", "b", now)
    assert refused.state == "busy"
    assert refused.until == now + timedelta(seconds=60)
    ours.renew("k", "a", now + timedelta(seconds=50))
    assert theirs.begin("k", "b", now + timedelta(seconds=61)).state == "busy", "its holder is still at it"
    later = now + timedelta(seconds=111)
    assert theirs.begin("k", "b", later).state == "mine", "the crashed holder's time is over"
    ours.end("k", "a", later, done=True)
    assert ours.begin("k", "c", later).state == "busy", "who lost the key can't mark it"
    theirs.end("k", "b", later, done=True)
    assert ours.begin("k", "c", later).state == "done"
    assert ours.begin("k", "d", later + timedelta(hours=2)).state == "mine", "the window is over"
    ours.end("k", "d", later + timedelta(hours=2), done=False)
    assert theirs.begin("k", "e", later + timedelta(hours=2)).state == "mine", "a failure frees it at once"


def test_two_pods_at_once_never_both_get_a_key(two_ledgers):
    from datetime import UTC, datetime

    now, got = datetime(2026, 11, 20, tzinfo=UTC), []
    barrier = threading.Barrier(8)

    def race(at):
        barrier.wait()
        for n in range(20):
            if two_ledgers[at % 2].begin(f"k{n}", f"t{at}", now).state == "mine":
                got.append(n)

    threads = [threading.Thread(target=race, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(20))


def test_keys_name_the_work():
    received = ReceivedMessage(
        Message("id-1", "r", '{"order": {"id": 7}}', {"MessageDeduplicationId": "d"}), '{"order": {"id": 7}}'
    )
    assert key_of("arn")(received) != key_of("arn", "order.id")(received)
    assert key_of("arn")(received) == key_of("arn", "nothing.there")(received)
    assert key_of("other")(received) != key_of("arn")(received)


def test_health_readiness_and_metrics_are_served(queues, new_queue, consuming, local_aws):
    url, _ = new_queue()
    queues.send(queues.open(url), ["one"])

    async def handler(_):
        return None

    consumer = consuming(url, handler, health=("127.0.0.1", 0))
    wait_for(lambda: consumer.counts.deleted == 1)

    def get(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{consumer.health_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    assert get("/healthz")[0] == 200
    assert get("/readyz")[0] == 200
    status, text = get("/metrics")
    assert status == 200
    name = url.rpartition("/")[2]
    assert f'windlass_queue_deleted_total{{queue="{name}"}} 1.0' in text
    assert f'windlass_queue_handling_seconds_count{{queue="{name}"}} 1.0' in text
    assert get("/nowhere")[0] == 404


def test_a_worker_shows_its_calls_to_aws_and_nothing_of_the_inventory(new_queue, local_aws, tmp_path):
    """The dashboards sum the calls of all processes: each must show its own."""
    url, _ = new_queue()
    environ = {
        "WINDLASS_ESTATE_ENDPOINT_URL": local_aws.url,
        "WINDLASS_ESTATE_ACCOUNTS": json.dumps([{"id": ACCOUNT}]),
        "WINDLASS_STORE_URL": f"sqlite:///{tmp_path}/windlass.db",
    }
    stop = threading.Event()
    with App(load(environ=environ, cwd=tmp_path), environ=environ) as app:
        config = ConsumeConfig(queue=url, handler="windlass.queues.samples:nothing", **FAST)
        consumer = Consumer(config, queues=app.queues, health=("127.0.0.1", 0))
        thread = threading.Thread(target=consumer.run, kwargs={"stop": stop, "signals": False})
        thread.start()
        try:
            wait_for(lambda: consumer.counts.empty_polls)
            with urllib.request.urlopen(f"http://127.0.0.1:{consumer.health_port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        finally:
            stop.set()
            thread.join(30)
    scope = f'account="{ACCOUNT}",outcome="ok",region="us-east-1",service="sqs"'
    (calls,) = re.findall(rf"^windlass_estate_calls_total{{{re.escape(scope)}}} (\S+)$", text, re.MULTILINE)
    assert float(calls) >= 1
    assert 'windlass_estate_call_seconds_count{service="sqs"}' in text
    assert "windlass_queue_polls_total" in text
    assert "windlass_inventory" not in text
    assert "windlass_console" not in text


def test_a_lost_network_is_survived_and_shown_by_readiness(queues, new_queue, consuming, local_aws, client):
    url, _ = new_queue()

    async def handler(_):
        return None

    consumer = consuming(url, handler, health=("127.0.0.1", 0))
    wait_for(lambda: consumer.counts.polls >= 2)
    local_aws.gateway.faults.load([{"kind": "drop", "service": "sqs", "operation": "ReceiveMessage"}])
    try:
        wait_for(lambda: consumer.counts.failed_polls >= 3)
    finally:
        local_aws.gateway.faults.load([])
    queues.send(queues.open(url), ["after"])
    wait_for(lambda: consumer.counts.deleted == 1)


def test_a_missing_queue_and_a_bad_handler_are_reported_at_once(queues):
    config = ConsumeConfig(queue="no-such-queue", handler="windlass.queues.samples:nothing")
    with pytest.raises(NotFound, match="no-such-queue|NonExistentQueue"):
        Consumer(config, queues=queues).run(signals=False)
    for handler, message in (
        ("nope", "is not the name of a handler"),
        ("no_such_module:x", "no module"),
        ("windlass.queues.samples:x", "no function x"),
    ):
        with pytest.raises(ConfigError, match=message):
            Consumer(ConsumeConfig(queue="q", handler=handler), queues=queues)


def test_contradicting_times_are_an_error_before_any_call_to_aws():
    config = ConsumeConfig(queue="q", handler="windlass.queues.samples:nothing", read_timeout_s=15)
    with pytest.raises(ConfigError, match="too short for wait_s = 20"):
        Consumer(config, queues=None)


def test_a_grace_period_too_short_for_the_drain_is_refused(queues, new_queue):
    url, _ = new_queue()
    config = ConsumeConfig(queue=url, handler="windlass.queues.samples:nothing", grace_s=30)
    with pytest.raises(ConfigError, match="grace period of 30 s"):
        Consumer(config, queues=queues).run(signals=False)


def test_queues_are_found_by_name_arn_and_url(queues, new_queue):
    url, _ = new_queue()
    name = url.rpartition("/")[2]
    by_name, by_url, by_arn = (
        queues.open(name),
        queues.open(url),
        queues.open(f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"),
    )
    assert by_name.arn == by_url.arn == by_arn.arn
    assert by_name.max_receive_count == 3
    for bad in ("not a queue", "https://example.com/", "arn:aws:s3:::bucket", ""):
        with pytest.raises(UsageError, match="is not a queue"):
            queues.open(bad)


def test_draining_keeps_every_message_before_it_deletes_it(queues, new_queue, client):
    url, _ = new_queue()
    queue = queues.open(url)
    queues.send(queue, [f"m{n}" for n in range(25)])
    kept = []
    assert list(queues.drain(queue, kept.extend))[-1] == 25
    assert sorted(entry["body"] for entry in kept) == sorted(f"m{n}" for n in range(25))
    assert depth(client, url) == 0

    def broken(_):
        raise OSError("the disk is full")

    queues.send(queue, ["kept"])
    with pytest.raises(OSError, match="disk"):
        list(queues.drain(queue, broken))
    assert depth(client, url) == 1


@pytest.mark.parametrize("by_hand", [False, True])
def test_dead_letters_go_back_where_they_came_from(by_hand, queues, new_queue, client, local_aws):
    url, dead = new_queue()
    source, letters = queues.open(url), queues.open(dead)
    queues.send(letters, [f"m{n}" for n in range(15)])
    if by_hand:
        local_aws.gateway.faults.load(
            [
                {
                    "kind": "error",
                    "service": "sqs",
                    "operation": "StartMessageMoveTask",
                    "code": "UnsupportedOperation",
                    "status": 400,
                }
            ]
        )
    try:
        steps = list(queues.redrive(letters, to=source, poll_s=0.05))
    finally:
        local_aws.gateway.faults.load([])
    assert steps[-1].status == "COMPLETED"
    wait_for(lambda: queues.depth(source).visible == 15)
    assert queues.depth(letters).total == 0


def test_a_fifo_queue_wants_a_group(queues, new_queue):
    url, _ = new_queue(".fifo")
    with pytest.raises(UsageError, match="FIFO"):
        queues.send(queues.open(url), ["x"])
    assert queues.send(queues.open(url), ["x", "y"], group="g") == 2


def test_messages_that_were_not_sent_are_counted(queues, new_queue):
    url, _ = new_queue()
    with pytest.raises(PartialFailure, match="1 of 2 messages were not sent"):
        queues.send(queues.open(url), ["fine", "\x00 is not allowed in SQS"])


def test_consumers_of_other_processes_are_listed_and_shown_as_stopped(queues, new_queue, consuming):
    url, _ = new_queue()
    queue = queues.open(url)
    queues.send(queue, ["a", "b"])

    async def handler(_):
        return None

    consumer = consuming(url, handler)
    (row,) = wait_for(lambda: [entry for entry in queues.consumers(queue.arn) if entry.counts.get("done") == 2])
    assert row.stopped_at is None
    assert queues.samples([row.consumer_id])[-1].done == 2
    consumer.stopped()
    (row,) = queues.consumers(queue.arn)
    assert row.stopped_at is not None
    assert time.time() - row.stopped_at.timestamp() < 30
