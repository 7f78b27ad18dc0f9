"""Actions on AWS services, against the embedded AWS: the tests check what the receiver gets."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from lambda_functions import Lab, fresh
from windlass.aggregation.actions import ACTIONS, ActionConfig
from windlass.aggregation.actions.base import RetryActionLater
from windlass.aggregation.actions.cloudfront_invalidate import CloudFrontInvalidate, invalidation_paths
from windlass.aggregation.actions.lambda_invoke import LambdaInvoke
from windlass.aggregation.actions.payload import summary_json, summary_text
from windlass.aggregation.actions.sns_publish import SnsPublish
from windlass.aggregation.actions.sqs_send import SqsSend
from windlass.aggregation.model import Arrival, Summary, summarise
from windlass.core.errors import AwsError, NotFound

SUMMARY = summarise(
    [
        Arrival("k", "created", "bucket", "a/ä\x01", 10, "2026-01-01T00:00:00Z"),
        Arrival("k", "removed", "bucket", "b", 0, "2026-01-01T00:00:05Z"),
    ]
)


def of(*keys, extra=0):
    summary = summarise([Arrival("k", "created", "bucket", key) for key in keys])
    return Summary(
        "bucket",
        summary.events + extra,
        summary.kinds,
        0,
        summary.folders,
        summary.folders_cut,
        "",
        "",
        summary.samples,
    )


def test_the_summary_document_has_the_documented_members(world):
    context = world.context(key="bucket/ä", attempt="a-1")
    assert summary_json(SUMMARY, context) == {
        "version": 1,
        "rule": "rule",
        "key": "bucket/ä",
        "attempt": "a-1",
        "account_id": world.account,
        "region": "eu-west-1",
        "bucket": "bucket",
        "events": 2,
        "kinds": {"created": 1, "removed": 1},
        "size_bytes": 10,
        "folders": ["a/", ""],
        "folders_cut": False,
        "first_at": "2026-01-01T00:00:00Z",
        "last_at": "2026-01-01T00:00:05Z",
        "samples": ["a/ä\x01", "b"],
    }
    text = summary_text(SUMMARY, context)
    assert json.loads(text) == summary_json(SUMMARY, context)
    assert text.isascii()
    assert text.isprintable()


def test_every_action_is_selected_by_kind_and_describes_its_options():
    read_action = TypeAdapter(ActionConfig).validate_python
    assert read_action({"kind": "storage-gateway-refresh"}).kind == "storage-gateway-refresh"
    assert isinstance(read_action({"kind": "exec", "command": ["true"]}), ACTIONS[6])
    kinds = [action.model_fields["kind"].default for action in ACTIONS]
    assert kinds == [
        "storage-gateway-refresh",
        "cloudfront-invalidate",
        "sns-publish",
        "sqs-send",
        "lambda-invoke",
        "http-post",
        "exec",
        "python",
    ]
    assert set(TypeAdapter(ActionConfig).json_schema()["discriminator"]["mapping"]) == set(kinds)
    for action in ACTIONS:
        assert all(field.description for field in action.model_fields.values())
        with pytest.raises(ValidationError):
            read_action({"kind": action.model_fields["kind"].default, "typo": 1})
    for wrong in (
        {"kind": "nothing"},
        {"kind": "sqs-send", "queue_url": "https://q/x.fifo", "delay_s": 1},
        {"kind": "http-post", "url": "https://user:password@example.com/"},
        {"kind": "http-post", "url": "file:///etc/passwd"},
        {"kind": "cloudfront-invalidate", "distribution_id": "E", "paths": {"site": "/"}},
        {"kind": "cloudfront-invalidate", "distribution_id": "E", "paths": {"site/": "assets"}},
        {"kind": "exec", "command": []},
        {"kind": "python", "function": "os.system"},
        {"kind": "storage-gateway-refresh", "spacing_s": 10},
    ):
        with pytest.raises(ValidationError):
            read_action(wrong)


def received(sqs, url):
    (message,) = sqs.receive_message(
        QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]
    return message


def test_sqs_send_sends_the_summary_and_routing_attributes(world):
    sqs, context = world.client("sqs"), world.context()
    url = sqs.create_queue(QueueName=fresh("q"))["QueueUrl"]
    SqsSend(queue_url=url).act(SUMMARY, context)
    message = received(sqs, url)
    assert json.loads(message["Body"]) == summary_json(SUMMARY, context)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {"rule": "rule", "bucket": "bucket", "events": "2"}


def test_a_fifo_queue_receives_each_attempt_once_and_keys_in_order(world):
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName=fresh("q") + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    context = world.context(key="bucket/käse " + "x" * 200)  # not valid as a group id
    for _ in range(2):
        SqsSend(queue_url=url).act(SUMMARY, context)
    message = received(sqs, url)
    assert json.loads(message["Body"])["key"] == context.key
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert message["Attributes"]["MessageDeduplicationId"] == context.attempt
    SqsSend(queue_url=url).act(SUMMARY, world.context(key=context.key))
    assert received(sqs, url)["Attributes"]["MessageGroupId"] == message["Attributes"]["MessageGroupId"]


def test_sns_publish_sends_the_summary_to_subscribers(world):
    sqs, sns, context = world.client("sqs"), world.client("sns"), world.context()
    name = fresh("q")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    topic = sns.create_topic(Name=fresh("t"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{world.account}:{name}")
    SnsPublish(topic_arn=topic, subject="Changes").act(SUMMARY, context)
    envelope = json.loads(received(sqs, url)["Body"])
    assert json.loads(envelope["Message"]) == summary_json(SUMMARY, context)
    assert envelope["Subject"] == "Changes"
    assert envelope["MessageAttributes"]["events"] == {"Type": "Number", "Value": "2"}


def test_publishing_to_a_deleted_topic_fails(world):
    with pytest.raises(NotFound):
        SnsPublish(topic_arn=f"arn:aws:sns:eu-west-1:{world.account}:gone").act(SUMMARY, world.context())


@pytest.fixture
def lab(aws, world):
    return Lab(aws, account=world.account, region="eu-west-1")


def test_lambda_invoke_sends_the_summary_and_fails_when_the_function_fails(lab, world):
    url, _ = lab.queue()
    source = f"""
import boto3, json, os
def handler(event, context):
    if event["events"] > 2:
        raise ValueError("too many: %d" % event["events"])
    boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).send_message(QueueUrl={url!r}, MessageBody=json.dumps(event))
"""
    name, context = lab.function(source, Timeout=30), world.context()
    waiting = LambdaInvoke(function=name, mode="RequestResponse")
    waiting.act(SUMMARY, context)
    LambdaInvoke(function=name).act(SUMMARY, context)
    assert lab.received(url, 2) == [summary_json(SUMMARY, context)] * 2
    with pytest.raises(AwsError, match="too many: 3") as caught:
        waiting.act(of("a", "b", "c"), context)
    assert caught.value.code == "FunctionError"
    with pytest.raises(NotFound):
        LambdaInvoke(function=name, qualifier="7").act(SUMMARY, context)


@pytest.mark.parametrize(
    ("summary", "mapping", "expected"),
    [
        # All keys are known: only their paths.
        (of("a/one", "b/käse 1"), {"": "/"}, ("/a/one", "/b/k%C3%A4se%201")),
        (of("a/index.html", "index.html"), {"": "/"}, ("/", "/a/", "/a/index.html", "/index.html")),
        # Not all keys are known: the outermost folders.
        (of("a/one", "a/b/two", "c/three", extra=9), {"": "/"}, ("/a/*", "/c/*")),
        (of("top", "a/one", extra=9), {"": "/"}, ("/*",)),
        # CloudFront never accepts more than 15 wildcards.
        (of(*[f"f{n}/x" for n in range(16)]), {"": "/"}, ("/*",)),
        (of(*[f"site/f{n}/x" for n in range(16)]), {"site/": "/assets/"}, ("/assets/*",)),
        (of(*[f"site/f{n}/x" for n in range(15)]), {"site/": "/"}, tuple(sorted(f"/f{n}/*" for n in range(15)))),
        (of(*[f"s{n}/x" for n in range(16)]), {f"s{n}/": f"/{n}/" for n in range(16)}, ("/*",)),
        # The summary's folders were cut.
        (of(*[f"f{n}/x" for n in range(60)]), {"site/": "/", "doc/": "/docs/"}, ("/*",)),
        (of(*[f"f{n}/x" for n in range(60)]), {"site/": "/s/", "doc/": "/docs/"}, ("/docs/*", "/s/*")),
        # The longest matching prefix gives the path; a key without one is not on the distribution.
        (of("site/a", "site/old/b", "private/c"), {"site/": "/", "site/old/": "/archive/"}, ("/a", "/archive/b")),
        (of("private/c"), {"site/": "/"}, ()),
        # Characters that viewers may encode or not: the folder's wildcard covers both.
        (of("a/b/x+y"), {"": "/"}, ("/a/b/*",)),
        (of("a/b(1)/x", "a/c/*"), {"": "/"}, ("/a/*",)),
    ],
)
def test_invalidation_paths_cover_every_change_with_few_extra_paths(summary, mapping, expected):
    assert invalidation_paths(summary, mapping, index="index.html") == expected


def distribution(cloudfront):
    config = {
        "CallerReference": fresh("d"),
        "Comment": "",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [{"Id": "o", "DomainName": "b.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "o",
            "ViewerProtocolPolicy": "https-only",
            "MinTTL": 0,
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
        },
    }
    return cloudfront.create_distribution(DistributionConfig=config)["Distribution"]["Id"]


def test_an_invalidation_names_the_changed_paths(world):
    cloudfront, context = world.client("cloudfront"), world.context()
    name = distribution(cloudfront)
    CloudFrontInvalidate(distribution_id=name).act(of("a/one"), context)
    CloudFrontInvalidate(distribution_id=name, paths={"site/": "/"}).act(of("private/one"), context)
    (invalidation,) = cloudfront.list_invalidations(DistributionId=name)["InvalidationList"]["Items"]
    batch = cloudfront.get_invalidation(DistributionId=name, Id=invalidation["Id"])["Invalidation"]["InvalidationBatch"]
    assert batch["Paths"]["Items"] == ["/a/one"]
    assert batch["CallerReference"] == context.attempt
    with pytest.raises(NotFound):
        CloudFrontInvalidate(distribution_id="EGONE").act(of("a/one"), context)


def test_too_many_invalidations_postpone_the_action(world):
    def full(*_, **__):
        raise AwsError("too many", code="TooManyInvalidationsInProgress")

    world.call = full
    with pytest.raises(RetryActionLater) as caught:
        CloudFrontInvalidate(distribution_id="E1", busy_s=90).act(of("a/one"), world.context())
    assert caught.value.after_s == 90
