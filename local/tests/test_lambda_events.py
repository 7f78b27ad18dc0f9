"""Asynchronous invocations: buckets, topics, rules and callers who don't wait; retries, destinations, dead letters."""

import base64
import gzip
import json
import time
import urllib.request

import pytest

from lambda_functions import ACCOUNT, TELL, Lab, fresh, until

FAST = {"windlass:retry-seconds": "0.05 0.1"}
TELLS = "from tell import tell\ndef handler(event, context): tell(event)"
FAILS = """
from tell import tell
def handler(event, context):
    tell({"id": context.aws_request_id, "event": event})
    raise ValueError("never well")
"""


@pytest.fixture
def lab(aws):
    return Lab(aws)


def teller(lab, source=TELLS, **more):
    """A function that reports to a queue: (its name, its ARN, the queue's URL)."""
    url, _ = lab.queue()
    more.setdefault("Timeout", 20)
    name = lab.function(source, files={"tell.py": TELL}, Environment={"Variables": {"TELL": url}}, **more)
    return name, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}", url


def test_an_event_is_accepted_at_once_and_run_later(lab):
    name, _, url = teller(lab)
    lab.send(name, {"n": 1})
    assert lab.received(url, 1) == [{"n": 1}]


def test_a_failed_event_is_retried_twice_and_sent_to_its_destination(lab):
    on_failure, failure_arn = lab.queue()
    dead, dead_arn = lab.queue()
    name, arn, url = teller(lab, FAILS, Tags=FAST, DeadLetterConfig={"TargetArn": dead_arn})
    lab.functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": failure_arn}}
    )
    assert lab.functions.get_function_configuration(FunctionName=name)["DeadLetterConfig"] == {"TargetArn": dead_arn}
    sent = lab.send(name, {"n": 2})
    request_id = sent["ResponseMetadata"]["RequestId"]
    assert lab.received(url, 3) == [{"id": request_id, "event": {"n": 2}}] * 3
    [record] = lab.received(on_failure, 1)
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"{arn}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["requestPayload"] == {"n": 2}
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "never well"
    [letter] = lab.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=10, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(letter["Body"]) == {"n": 2}
    message = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert message == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "never well"}
    assert lab.counts(url) == (0, 0)  # three runs, not four


def test_retries_are_configurable_and_success_has_a_destination_too(lab):
    message, told_arn = lab.queue()
    name, _, url = teller(lab, FAILS, Tags=FAST)
    lab.functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=2)
    lab.functions.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": told_arn}, "OnSuccess": {"Destination": told_arn}},
    )
    lab.send(name)
    [record] = lab.received(message, 1)
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert len(lab.received(url, 1)) == 1
    well, _, _ = teller(lab)
    lab.functions.put_function_event_invoke_config(
        FunctionName=well, DestinationConfig={"OnSuccess": {"Destination": told_arn}}
    )
    lab.send(well, {"n": 3})
    [record] = lab.received(message, 1)
    assert record["requestContext"]["condition"] == "Success"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] is None


def test_records_go_to_topics_functions_buses_and_buckets(lab):
    sns, events, s3 = lab.client("sns"), lab.client("events"), lab.client("s3")
    url, queue_arn = lab.queue()
    topic = sns.create_topic(Name=fresh("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    _, next_arn, next_url = teller(lab)
    bus = events.create_event_bus(Name=fresh("bus"))["EventBusArn"]
    rule = fresh("rule")
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "1", "Arn": queue_arn}])
    bucket = fresh("records")
    s3.create_bucket(Bucket=bucket)

    def record_at(arn):
        name, _, _ = teller(lab)
        lab.functions.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
        lab.send(name, {"to": "you"})
        return name

    record_at(topic)
    assert lab.received(url, 1)[0]["requestPayload"] == {"to": "you"}
    record_at(bus)
    [event] = lab.received(url, 1)
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["detail"]["requestPayload"] == {"to": "you"}
    record_at(next_arn)
    assert lab.received(next_url, 1)[0]["requestPayload"] == {"to": "you"}
    name = record_at(f"arn:aws:s3:::{bucket}")
    [result] = until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"aws/lambda/async/{name}/").get("Contents"))
    assert json.loads(s3.get_object(Bucket=bucket, Key=result["Key"])["Body"].read())["requestPayload"] == {"to": "you"}


def test_events_wait_for_room_and_none_is_lost(lab):
    source = "import time\nfrom tell import tell\ndef handler(event, context):\n    time.sleep(0.05)\n    tell(event)"
    name, _, url = teller(lab, source)
    lab.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    for n in range(8):
        lab.send(name, {"n": n})
    assert sorted(each["n"] for each in lab.received(url, 8, within_s=40)) == list(range(8))


def test_with_no_concurrency_an_event_goes_straight_to_its_destination(lab):
    message, told_arn = lab.queue()
    name, _, url = teller(lab)
    lab.functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": told_arn}}
    )
    lab.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    lab.send(name, {"n": 4})
    [record] = lab.received(message, 1)
    assert record["requestPayload"] == {"n": 4}
    assert "responsePayload" not in record
    assert lab.counts(url) == (0, 0)


def test_a_bucket_invokes_with_the_record_of_s3(lab):
    _, arn, url = teller(lab)
    s3, bucket = lab.client("s3"), fresh("box")
    s3.create_bucket(Bucket=bucket)
    expected = {
        "LambdaFunctionArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Id": "mine",
        "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".csv"}]}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [expected]}
    )
    s3.put_object(Bucket=bucket, Key="no.txt", Body=b"x")
    s3.put_object(Bucket=bucket, Key="a b/ü.csv", Body=b"xyz")
    [event] = lab.received(url, 1)
    [record] = event["Records"]
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert record["s3"]["configurationId"] == "mine"
    assert record["s3"]["object"]["key"] == "a+b/%C3%BC.csv"
    assert record["s3"]["object"]["size"] == 3
    assert lab.counts(url) == (0, 0)


def test_a_topic_invokes_with_what_was_published(lab):
    _, arn, url = teller(lab)
    sns = lab.client("sns")
    topic = sns.create_topic(Name=fresh("topic"))["TopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
    sent = sns.publish(
        TopicArn=topic,
        Message="hello",
        Subject="greeting",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "warm"}},
    )
    [event] = lab.received(url, 1)
    [record] = event["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"] == subscription
    message = record["Sns"]
    assert (message["Message"], message["Subject"], message["MessageId"]) == ("hello", "greeting", sent["MessageId"])
    assert message["TopicArn"] == topic
    assert message["MessageAttributes"] == {"kind": {"Type": "String", "Value": "warm"}}
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue='{"kind": ["cold"]}'
    )
    for kind in ("warm", "cold"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Message=kind, MessageAttributes=attributes)
    assert [each["Records"][0]["Sns"]["Message"] for each in lab.received(url, 1)] == ["cold"]


def test_rules_invoke_with_the_event_a_part_of_it_or_a_template(lab):
    _, arn, url = teller(lab)
    other, other_arn = lab.queue()
    events, source, rule = lab.client("events"), fresh("source"), fresh("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))

    def publish(detail):
        events.put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": json.dumps(detail)}])
        return lab.received(url, 1)[0]

    def target(**how):
        events.put_targets(Rule=rule, Targets=[{"Id": "f", "Arn": arn, **how}])

    target()
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": other_arn}])
    event = publish({"n": 1})
    assert (event["source"], event["detail-type"], event["detail"]) == (source, "d", {"n": 1})
    assert event["time"].endswith("Z")
    assert lab.received(other, 1)[0]["detail"] == {"n": 1}  # the other targets get theirs
    target(InputPath="$.detail.deep")
    assert publish({"deep": {"er": 2}}) == {"er": 2}
    target(Input='{"constant": true}')
    assert publish({"n": 3}) == {"constant": True}
    target(InputTransformer={"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"was": "<n>"}'})
    assert publish({"n": 4}) == {"was": "4"}
    target()
    events.disable_rule(Name=rule)
    events.put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": '{"n": "disabled"}'}])
    events.enable_rule(Name=rule)
    assert publish({"n": 5})["detail"] == {"n": 5}


def test_a_bucket_invokes_through_eventbridge(lab):
    _, arn, url = teller(lab)
    s3, events, bucket, rule = lab.client("s3"), lab.client("events"), fresh("box"), fresh("rule")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    [event] = lab.received(url, 1)
    assert event["detail-type"] == "Object Created"
    assert event["detail"]["object"]["key"] == "a b"


def test_a_log_subscription_invokes_with_what_was_logged(lab):
    _, arn, url = teller(lab)
    logs, group = lab.client("logs"), fresh("group")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_subscription_filter(logGroupName=group, filterName="all", filterPattern="", destinationArn=arn)
    logs.put_log_events(
        logGroupName=group, logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "seen"}]
    )

    def messages():
        for event in lab.received(url, 1):
            data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
            if data["logGroup"] == group and data["messageType"] == "DATA_MESSAGE":
                return [each["message"] for each in data["logEvents"]]
        return None

    assert until(messages) == ["seen"]


def test_a_reset_drops_what_waits(local_aws, aws):
    lab = Lab(aws)
    name = lab.function("import time\ndef handler(e, c): time.sleep(60)", Timeout=60)
    for _ in range(30):
        lab.send(name)

    def page():
        with urllib.request.urlopen(f"{local_aws.url}/_windlass/functions", timeout=10) as answer:
            return json.load(answer)

    until(lambda: page()["events_waiting"] and any(each["busy"] for each in page()["processes"]))
    reset = urllib.request.Request(f"{local_aws.url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(reset, timeout=30) as answer:
        assert answer.status == 200
    until(lambda: page() == {"processes": [], "events_waiting": 0})
