"""SQS event source mappings: batches, windows, partial answers, filters, order, concurrency, and what a mapping's owner does."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from lambda_functions import ACCOUNT, TELL, Lab, fresh, processes, until

BATCHES = """
from tell import tell
def handler(event, context):
    tell([r["body"] for r in event["Records"]])
"""
STEPS = """
import json
from tell import tell
def handler(event, context):
    steps = [json.loads(r["body"]) for r in event["Records"]]
    tell([[s["n"], int(r["attributes"]["ApproximateReceiveCount"])] for s, r in zip(steps, event["Records"])])
    failed = [r["messageId"] for s, r in zip(steps, event["Records"])
              if s.get("fails", 0) >= int(r["attributes"]["ApproximateReceiveCount"])]
    if any(s.get("raise") for s in steps):
        raise ValueError("all of them")
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed]}
"""


@pytest.fixture
def lab(aws):
    return Lab(aws)


class Fed:
    """A queue that feeds a function that reports to another queue."""

    def __init__(self, lab, source, *, visibility=30, queue=None, function=None, variables=None, **mapping):
        self.lab = lab
        self.told, _ = lab.queue()
        self.url, self.arn = lab.queue(VisibilityTimeout=visibility, **(queue or {}))
        options = {"Timeout": min(20, visibility), **(function or {})}
        self.name = lab.function(
            source,
            files={"tell.py": TELL},
            Environment={"Variables": {"TELL": self.told, "SOURCE": self.url, **(variables or {})}},
            **options,
        )
        self.mapping = lab.functions.create_event_source_mapping(
            EventSourceArn=self.arn, FunctionName=self.name, **mapping
        )
        self.uuid = self.mapping["UUID"]

    def send(self, *bodies, **more):
        for at in range(0, len(bodies), 10):
            entries = [
                {"Id": str(n), "MessageBody": each if isinstance(each, str) else json.dumps(each), **more}
                for n, each in enumerate(bodies[at : at + 10])
            ]
            self.lab.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def reports(self, count, **within):
        return self.lab.received(self.told, count, **within)

    def is_empty(self):
        return self.lab.counts(self.url) == (0, 0)


def test_a_batch_arrives_as_lambdas_records_and_is_deleted(lab):
    source = "from tell import tell\ndef handler(event, context): tell(event)"
    fed = Fed(lab, source)
    attribute = {
        "kind": {"DataType": "String", "StringValue": "x"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = lab.sqs.send_message(QueueUrl=fed.url, MessageBody="hello", MessageAttributes=attribute)
    [event] = fed.reports(1)
    [record] = event["Records"]
    assert record["messageId"] == sent["MessageId"]
    assert record["body"] == "hello"
    assert record["md5OfBody"] == sent["MD5OfMessageBody"]
    assert record["md5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == fed.arn
    assert record["awsRegion"] == "us-east-1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(record["attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    assert record["messageAttributes"]["kind"] == {
        "stringValue": "x",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }
    assert record["messageAttributes"]["raw"]["binaryValue"] == "AP8="
    until(fed.is_empty)


def test_a_window_gathers_large_batches(lab):
    fed = Fed(lab, BATCHES, BatchSize=500, MaximumBatchingWindowInSeconds=2)
    fed.send(*[str(n) for n in range(120)])
    reports = fed.reports(1)
    assert sorted(reports[0], key=int) == [str(n) for n in range(120)]
    until(fed.is_empty)


def test_a_full_batch_does_not_wait_for_its_window(lab):
    fed = Fed(lab, BATCHES, BatchSize=20, MaximumBatchingWindowInSeconds=300)
    fed.send(*[str(n) for n in range(40)])
    assert sorted(len(each) for each in fed.reports(2)) == [20, 20]


def test_no_event_is_larger_than_lambda_takes(lab):
    fed = Fed(
        lab,
        "from tell import tell\ndef handler(e, c): tell(len(e['Records']))",
        BatchSize=10,
        MaximumBatchingWindowInSeconds=3,
    )
    for _ in range(10):
        lab.sqs.send_message(QueueUrl=fed.url, MessageBody="x" * 1_000_000)
    sizes = fed.reports(2)
    assert sum(sizes) == 10
    assert max(sizes) <= 6
    until(fed.is_empty)


def test_only_what_failed_comes_back(lab):
    fed = Fed(
        lab,
        STEPS,
        visibility=8,  # a busy machine needs seconds to start the function
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumBatchingWindowInSeconds=1,
        function={"Timeout": 3},
    )
    fed.send({"n": 1}, {"n": 2, "fails": 1}, {"n": 3})
    first, second = fed.reports(2)
    assert sorted(first) == [[1, 1], [2, 1], [3, 1]]
    assert second == [[2, 2]]
    until(fed.is_empty)
    assert fed.reports(1, within_s=3.5) == []


def test_without_partial_answers_an_error_brings_back_the_whole_batch(lab):
    fed = Fed(
        lab,
        STEPS.replace(
            "raise ValueError",
            "if all(r['attributes']['ApproximateReceiveCount'] == '1' for r in event['Records']): raise ValueError",
        ),
        visibility=3,
        MaximumBatchingWindowInSeconds=1,
        function={"Timeout": 3},
    )
    fed.send({"n": 1}, {"n": 2, "raise": True})
    first, second = fed.reports(2)
    assert (sorted(first), sorted(second)) == ([[1, 1], [2, 1]], [[1, 2], [2, 2]])
    until(fed.is_empty)


@pytest.mark.parametrize(
    ("answer", "stay"),
    [
        ("None", 0),
        ("{}", 0),
        ("{'batchItemFailures': []}", 0),
        ("{'batchItemFailures': None}", 0),
        ("{'statusCode': 200}", 0),
        ("'done'", 2),
        ("[]", 2),
        ("{'batchItemFailures': 'x'}", 2),
        ("{'batchItemFailures': [{}]}", 2),
        ("{'batchItemFailures': [{'itemIdentifier': ''}]}", 2),
        ("{'batchItemFailures': [{'itemIdentifier': None}]}", 2),
        ("{'batchItemFailures': [{'itemIdentifier': 'nobody'}]}", 2),
        ("{'batchItemFailures': [{'id': 'x'}]}", 2),
    ],
)
def test_answers_mean_what_they_mean_to_lambda(lab, answer, stay):
    source = f"from tell import tell\ndef handler(event, context):\n    tell(1)\n    return {answer}"
    fed = Fed(
        lab, source, BatchSize=2, MaximumBatchingWindowInSeconds=3, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    fed.send("a", "b")
    assert fed.reports(1) == [1]
    until(lambda: lab.counts(fed.url) == (0, stay))


def test_what_keeps_failing_goes_to_the_dead_letter_queue(lab):
    dead, dead_arn = lab.queue()
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    fed = Fed(
        lab,
        STEPS,
        visibility=3,
        queue={"RedrivePolicy": policy},
        function={"Timeout": 3},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    fed.send({"n": 1, "fails": 99})
    assert lab.received(dead, 1) == [{"n": 1, "fails": 99}]
    assert fed.reports(2) == [[[1, 1]], [[1, 2]]]


def test_a_visibility_that_the_function_sets_is_honoured(lab):
    source = """
import os, boto3
from tell import tell
def handler(event, context):
    [record] = event["Records"]
    tell(int(record["attributes"]["ApproximateReceiveCount"]))
    if record["attributes"]["ApproximateReceiveCount"] == "1":
        boto3.client("sqs").change_message_visibility(
            QueueUrl=os.environ["SOURCE"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=1)
        raise ValueError("once more, soon")
"""
    fed = Fed(lab, source, visibility=600)
    fed.send("x")
    assert fed.reports(2) == [1, 2]
    until(fed.is_empty)


def test_delayed_messages_and_those_of_before_the_mapping_are_found(lab):
    message, _ = lab.queue()
    url, arn = lab.queue(VisibilityTimeout=30)
    lab.sqs.send_message(QueueUrl=url, MessageBody="before")
    name = lab.function(BATCHES, files={"tell.py": TELL}, Environment={"Variables": {"TELL": message}}, Timeout=20)
    lab.functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
    assert lab.received(message, 1) == [["before"]]
    lab.sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)
    assert lab.received(message, 1) == [["later"]]


def test_what_no_filter_wants_is_deleted_unseen(lab):
    patterns = [
        {"body": {"kind": ["order"], "total": [{"numeric": [">", 100]}]}},
        {"body": {"kind": [{"prefix": "vip-"}]}},
    ]
    fed = Fed(lab, BATCHES, FilterCriteria={"Filters": [{"Pattern": json.dumps(each)} for each in patterns]})
    expected = [{"kind": "order", "total": 101}, {"kind": "vip-order", "total": 1}]
    fed.send({"kind": "order", "total": 100}, expected[0], "plain text", expected[1], {"kind": "other"})
    bodies = []
    while len(bodies) < 2:
        bodies += [json.loads(each) for batch in fed.reports(1) for each in batch]
    assert sorted(bodies, key=str) == sorted(expected, key=str)
    until(fed.is_empty)
    assert fed.reports(1, within_s=1) == []


def test_a_fifo_queue_keeps_its_order_by_group_through_failures(lab):
    fed = Fed(
        lab,
        STEPS,
        visibility=3,
        queue={"name": fresh("q") + ".fifo", "FifoQueue": "true", "ContentBasedDeduplication": "true"},
        BatchSize=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        function={"Timeout": 3},
    )
    for n in range(9):
        body = {"n": n, "fails": 1 if n == 4 else 0}
        lab.sqs.send_message(QueueUrl=fed.url, MessageBody=json.dumps(body), MessageGroupId=f"g{n % 2}")
    seen = []

    def is_done():
        seen.extend(fed.reports(1))
        steps = [step for batch in seen for step in batch]
        return [4, 2] in steps and len({n for n, _ in steps}) == 9

    until(is_done)
    until(fed.is_empty)
    done = [step for batch in seen for step in batch if step != [4, 1]]
    odd = [n for n, _ in done if n % 2]
    assert odd == [1, 3, 5, 7]
    assert [n for n, count in done if n % 2 == 0 and n <= 4] == [0, 2, 4]


def test_maximum_concurrency_bounds_the_processes(lab, local_aws):
    source = "import os, time\nfrom tell import tell\ndef handler(event, context):\n    time.sleep(0.2)\n    tell(os.getpid())"
    fed = Fed(lab, source, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    fed.send(*[str(n) for n in range(12)])
    assert len(set(fed.reports(12))) <= 2
    assert len(processes(local_aws.url, fed.name)) <= 2
    until(fed.is_empty)


def test_a_throttled_batch_waits_and_is_not_lost(lab):
    fed = Fed(lab, STEPS, BatchSize=1)
    lab.functions.put_function_concurrency(FunctionName=fed.name, ReservedConcurrentExecutions=1)
    fed.send(*[{"n": n} for n in range(8)])
    result = fed.reports(8)
    assert sorted(step for batch in result for step in batch) == [[n, 1] for n in range(8)]  # each was received once
    until(fed.is_empty)


def test_a_mapping_goes_through_its_states(lab):
    fed = Fed(lab, BATCHES)
    assert fed.mapping["State"] == "Creating"
    assert fed.mapping["FunctionArn"] == f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{fed.name}"

    def state():
        return lab.functions.get_event_source_mapping(UUID=fed.uuid)["State"]

    until(lambda: state() == "Enabled")
    assert lab.functions.update_event_source_mapping(UUID=fed.uuid, Enabled=False)["State"] == "Disabling"
    until(lambda: state() == "Disabled")
    fed.send("while disabled")
    assert fed.reports(1, within_s=1) == []
    assert lab.counts(fed.url) == (1, 0)
    assert lab.functions.update_event_source_mapping(UUID=fed.uuid, Enabled=True)["State"] == "Enabling"
    assert fed.reports(1) == [["while disabled"]]
    until(lambda: state() == "Enabled")
    assert lab.functions.delete_event_source_mapping(UUID=fed.uuid)["State"] == "Deleting"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        state()
    fed.send("after the end")
    assert fed.reports(1, within_s=1) == []
    assert lab.counts(fed.url) == (1, 0)


def test_an_update_is_in_force_for_the_next_batch_and_gives_back_what_was_gathered(lab):
    fed = Fed(lab, BATCHES, BatchSize=100, MaximumBatchingWindowInSeconds=300)
    fed.send("gathered")
    until(lambda: lab.counts(fed.url) == (0, 1))
    lab.functions.update_event_source_mapping(UUID=fed.uuid, BatchSize=1, MaximumBatchingWindowInSeconds=0)
    assert fed.reports(1) == [["gathered"]]
    message, _ = lab.queue()
    other = lab.function(BATCHES, files={"tell.py": TELL}, Environment={"Variables": {"TELL": message}}, Timeout=20)
    lab.functions.update_event_source_mapping(UUID=fed.uuid, FunctionName=other)
    fed.send("to the other")
    assert lab.received(message, 1) == [["to the other"]]


def test_a_mapping_of_an_alias_follows_the_alias(lab):
    message, _ = lab.queue()
    url, arn = lab.queue(VisibilityTimeout=30)
    source = "from tell import tell\ndef handler(event, context): tell([context.function_version, context.invoked_function_arn])"
    name = lab.function(source, files={"tell.py": TELL}, Environment={"Variables": {"TELL": message}}, Timeout=20)
    lab.functions.publish_version(FunctionName=name)
    lab.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    mapping = lab.functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=f"{name}:live")
    alias = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}:live"
    assert mapping["FunctionArn"] == alias
    lab.sqs.send_message(QueueUrl=url, MessageBody="x")
    assert lab.received(message, 1) == [["1", alias]]
    lab.functions.update_function_configuration(FunctionName=name, MemorySize=256)
    lab.functions.publish_version(FunctionName=name)
    lab.functions.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    lab.sqs.send_message(QueueUrl=url, MessageBody="x")
    assert lab.received(message, 1) == [["2", alias]]
    for request in (name, alias, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"):
        [result] = lab.functions.list_event_source_mappings(FunctionName=request)["EventSourceMappings"]
        assert result["UUID"] == mapping["UUID"]
    assert lab.functions.list_event_source_mappings(FunctionName=name[:-1])["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"BatchSize": 11}, "greater than 0 if maximum batch size is greater than 10"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{no"}]}}, "Invalid filter pattern definition"),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"body": "text"}'}]}}, "Invalid filter pattern definition"),
        ({"ScalingConfig": {"MaximumConcurrency": 2000}}, "MaximumConcurrency"),
        ({"EventSourceArn": "short"}, "Queue visibility timeout: 5 seconds is less than Function timeout: 20 seconds"),
        ({"EventSourceArn": "fifo", "BatchSize": 10, "MaximumBatchingWindowInSeconds": 1}, "not supported for FIFO"),
    ],
)
def test_what_lambda_refuses_is_refused(lab, given, message):
    queues = {
        "usual": lab.queue(VisibilityTimeout=30)[1],
        "short": lab.queue(VisibilityTimeout=5)[1],
        "fifo": lab.queue(name=fresh("q") + ".fifo", FifoQueue="true")[1],
    }
    name = lab.function(BATCHES, Timeout=20)
    given = {**given, "EventSourceArn": queues[given.get("EventSourceArn", "usual")]}
    with pytest.raises(ClientError) as caught:
        lab.functions.create_event_source_mapping(FunctionName=name, **given)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert message in caught.value.response["Error"]["Message"]
    assert lab.functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"] == []


def test_one_queue_feeds_a_function_once(lab):
    fed = Fed(lab, BATCHES)
    with pytest.raises(ClientError) as caught:
        lab.functions.create_event_source_mapping(EventSourceArn=fed.arn, FunctionName=fed.name)
    assert caught.value.response["Error"]["Code"] == "ResourceConflictException"
    assert fed.uuid in caught.value.response["Error"]["Message"]


def test_a_mapping_outlives_neither_its_queue_nor_troubles_without_its_function(lab):
    fed = Fed(lab, BATCHES)
    lab.functions.delete_function(FunctionName=fed.name)
    fed.send("to nobody")
    until(lambda: lab.counts(fed.url) == (0, 1))  # hidden, as after any failure
    lab.sqs.delete_queue(QueueUrl=fed.url)
    assert lab.functions.get_event_source_mapping(UUID=fed.uuid)["EventSourceArn"] == fed.arn


def test_topics_and_buckets_feed_a_mapping_through_the_queue(lab):
    fed = Fed(lab, BATCHES)
    s3, bucket = lab.client("s3"), fresh("box")
    s3.create_bucket(Bucket=bucket)
    expected = [{"QueueArn": fed.arn, "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": expected})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    bodies = []
    while len(bodies) < 2:
        bodies += [json.loads(each) for batch in fed.reports(1) for each in batch]
    assert [each["Event"] for each in bodies if "Event" in each] == ["s3:TestEvent"]
    assert [each["Records"][0]["s3"]["object"]["key"] for each in bodies if "Records" in each] == ["k"]
