"""S3 events as S3 may deliver them: twice, late, out of order; to each kind of destination, and never lost."""

import json

import pytest

from lambda_functions import ACCOUNT, TELL, Lab, fresh, until
from test_admin import ask


@pytest.fixture
def ordered(local_aws):
    """Orders faults, and takes them back."""
    yield lambda *rules, random_seed=0: ask(
        local_aws.url, "/_windlass/faults", "PUT", {"rules": list(rules), "random_seed": random_seed}
    )
    ask(local_aws.url, "/_windlass/faults", "DELETE")


@pytest.fixture
def lab(aws):
    return Lab(aws)


def notified(lab, **configuration):
    s3, bucket = lab.client("s3"), fresh("box")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
    )
    return s3, bucket


def to_queue(lab):
    url, arn = lab.queue()
    s3, bucket = notified(lab, QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}])
    return s3, bucket, url


def sequencers(bodies):
    return [body["Records"][0]["s3"]["object"]["sequencer"] for body in bodies]


def test_every_event_may_come_twice(lab, ordered):
    s3, bucket, url = to_queue(lab)
    ordered({"kind": "duplicate", "bucket": bucket, "latency_ms": 50})
    for n in range(10):
        s3.put_object(Bucket=bucket, Key=f"k{n}", Body=b"x")
    result = sequencers(lab.received(url, 20))
    assert len(result) == 20
    assert all(result.count(each) == 2 for each in result)


def test_events_may_arrive_out_of_order_and_the_sequencer_shows_it(lab, ordered):
    s3, bucket, url = to_queue(lab)
    ordered({"kind": "reorder", "bucket": bucket, "latency_ms": 400}, random_seed=3)
    for _ in range(20):
        s3.put_object(Bucket=bucket, Key="same", Body=b"x")
    result = sequencers(lab.received(url, 20))
    assert len(set(result)) == 20
    assert result != sorted(result)


def test_a_rule_ends_with_its_limit_and_is_for_the_keys_it_names(lab, ordered, local_aws):
    s3, bucket, url = to_queue(lab)
    ordered({"kind": "duplicate", "bucket": bucket, "path": "twice/*", "limit": 1, "latency_ms": 1})
    for key in ("once/a", "twice/a", "twice/b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    keys = [body["Records"][0]["s3"]["object"]["key"] for body in lab.received(url, 4)]
    assert sorted(keys) == ["once/a", "twice/a", "twice/a", "twice/b"]
    assert ask(local_aws.url, "/_windlass/faults")[1]["rules"][0]["used"] == 1


def test_topics_functions_and_eventbridge_get_them_too(lab, ordered):
    message, told_arn = lab.queue()
    sns, events = lab.client("sns"), lab.client("events")
    topic = sns.create_topic(Name=fresh("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=told_arn, Attributes={"RawMessageDelivery": "true"})
    source = "from tell import tell\ndef handler(event, context): tell(['function', event['Records'][0]['s3']['object']['key']])"
    name = lab.function(source, files={"tell.py": TELL}, Environment={"Variables": {"TELL": message}}, Timeout=20)
    s3, bucket = notified(
        lab,
        TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}],
        LambdaFunctionConfigurations=[
            {
                "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}",
                "Events": ["s3:ObjectCreated:*"],
            }
        ],
        EventBridgeConfiguration={},
    )
    rule = fresh("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"detail": {"bucket": {"name": [bucket]}}}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": told_arn}])
    ordered({"kind": "duplicate", "bucket": bucket, "latency_ms": 10})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    result = lab.received(message, 6)
    kinds = ["function" if isinstance(each, list) else "topic" if "Records" in each else "rule" for each in result]
    assert sorted(kinds) == ["function"] * 2 + ["rule"] * 2 + ["topic"] * 2


def test_without_a_rule_events_come_once_and_in_order(lab):
    s3, bucket, url = to_queue(lab)
    for n in range(30):
        s3.put_object(Bucket=bucket, Key=f"k{n}", Body=b"x")
    result = sequencers(lab.received(url, 30))
    assert result == sorted(set(result))
    until(lambda: lab.counts(url) == (0, 0))
