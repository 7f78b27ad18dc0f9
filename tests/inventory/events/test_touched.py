"""Which resources events touch, who did it, and what is ignored."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.inventory.events.records import ACCOUNT, ANN, body, bridge, record
from windlass.inventory.catalog import CATALOG
from windlass.inventory.events.messages import parse_message
from windlass.inventory.events.type_index import TypeIndex

INDEX = TypeIndex.of(CATALOG)
INSTANCE, INTERFACE, VOLUME = "i-0123456789abcdef0", "eni-0123456789abcdef0", "vol-0123456789abcdef0"
QUEUE_URL = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:resize"


def touched(detail):
    """(type, region, name, '+' for a creation or '-' for a deletion) of each touch; the shortest name stands for all."""
    parsed = parse_message(body(detail), INDEX)
    assert not parsed.unrecognised
    return {
        (
            touch.scope.type,
            touch.scope.region,
            min(touch.names, key=len, default=""),
            "-" if touch.deletes else "+" if touch.creates else "",
        )
        for touch in parsed.touches
    }


@pytest.mark.parametrize(
    ("service", "name", "request_", "response", "expected"),
    [
        ("s3", "PutBucketTagging", {"bucketName": "scans"}, None, ("s3.bucket", "aws-global", "scans", "")),
        ("s3", "CreateBucket", {"bucketName": "scans"}, None, ("s3.bucket", "aws-global", "scans", "+")),
        ("s3", "DeleteBucket", {"bucketName": "scans"}, None, ("s3.bucket", "aws-global", "scans", "-")),
        ("s3", "DeleteBucketPolicy", {"bucketName": "scans"}, None, ("s3.bucket", "aws-global", "scans", "")),
        (
            "sqs",
            "CreateQueue",
            {"queueName": "jobs"},
            {"queueUrl": QUEUE_URL},
            ("sqs.queue", "eu-west-1", "jobs", "+"),
        ),
        ("sqs", "DeleteQueue", {"queueUrl": QUEUE_URL}, None, ("sqs.queue", "eu-west-1", "jobs", "-")),
        (
            "ec2",
            "TerminateInstances",
            {"instancesSet": {"items": [{"instanceId": INSTANCE}]}},
            None,
            ("ec2.instance", "eu-west-1", INSTANCE, "-"),
        ),
        (
            "ec2",
            "CreateTags",
            {"resourcesSet": {"items": [{"resourceId": VOLUME}]}},
            {"_return": True},
            ("ec2.volume", "eu-west-1", VOLUME, ""),
        ),
        (
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {"groupId": "sg-0123456789abcdef0"},
            {"_return": True},
            ("ec2.security-group", "eu-west-1", "sg-0123456789abcdef0", ""),
        ),
        (
            "lambda",
            "UpdateFunctionConfiguration20150331v2",
            {"functionName": "resize"},
            None,
            ("lambda.function", "eu-west-1", "resize", ""),
        ),
        (
            "lambda",
            "TagResource20170331v2",
            {"resource": FUNCTION},
            None,
            ("lambda.function", "eu-west-1", "resize", ""),
        ),
        ("iam", "DeleteRole", {"roleName": "ci"}, None, ("iam.role", "aws-global", "ci", "-")),
        (
            "rds",
            "ModifyDBInstance",
            {"dBInstanceIdentifier": "orders"},
            None,
            ("rds.instance", "eu-west-1", "orders", ""),
        ),
        ("dynamodb", "CreateTable", {"tableName": "orders"}, None, ("dynamodb.table", "eu-west-1", "orders", "+")),
        (
            "sns",
            "SetTopicAttributes",
            {"topicArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:news"},
            None,
            ("sns.topic", "eu-west-1", "news", ""),
        ),
        ("monitoring", "DeleteAlarms", {"alarmNames": ["cpu"]}, None, ("cloudwatch.alarm", "eu-west-1", "cpu", "-")),
        ("logs", "PutRetentionPolicy", {"logGroupName": "/app"}, None, ("logs.group", "eu-west-1", "/app", "")),
        (
            "states",
            "UpdateStateMachine",
            {"stateMachineArn": f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:pay"},
            None,
            ("stepfunctions.state-machine", "eu-west-1", "pay", ""),
        ),
        (
            "tagging",
            "TagResources",
            {"resourceARNList": ["arn:aws:s3:::scans"]},
            None,
            ("s3.bucket", "aws-global", "scans", ""),
        ),
    ],
)
def test_a_call_names_the_resource_it_changes(service, name, request_, response, expected):
    assert expected in touched(record(service, name, request_, response))


def test_an_instance_that_starts_brings_its_interfaces():
    response = {
        "instancesSet": {
            "items": [{"instanceId": INSTANCE, "networkInterfaceSet": {"items": [{"networkInterfaceId": INTERFACE}]}}]
        }
    }
    request = {"instancesSet": {"items": [{"imageId": "ami-0123456789abcdef0", "minCount": 1}]}}
    assert touched(record("ec2", "RunInstances", request, response)) == {
        ("ec2.instance", "eu-west-1", INSTANCE, "+"),
        ("ec2.network-interface", "eu-west-1", INTERFACE, ""),
    }


def test_a_call_that_names_nothing_touches_the_scope_of_its_type():
    assert touched(record("guardduty", "CreateDetector", {"enable": True})) == {
        ("guardduty.detector", "eu-west-1", "", "+")
    }


def test_the_records_own_resources_count():
    resources = [{"ARN": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234", "type": "AWS::KMS::Key", "accountId": ACCOUNT}]
    assert ("kms.key", "eu-west-1", "1234", "") in touched(
        record("kms", "EnableKeyRotation", None, None, resources=resources)
    )


@pytest.mark.parametrize(
    "difference",
    [
        {"readOnly": True},
        {"errorCode": "AccessDenied"},
        {"eventCategory": "Data", "managementEvent": False},
        {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin"},
    ],
)
def test_calls_that_change_nothing_are_ignored(difference):
    detail = record("s3", "PutBucketTagging", {"bucketName": "scans"}) | difference
    parsed = parse_message(body(detail), INDEX)
    assert (parsed.touches, parsed.ignored, parsed.unrecognised) == ((), 1, ())


def test_an_event_says_who_did_what_when_and_from_where():
    detail = record("s3", "PutBucketTagging", {"bucketName": "scans"})
    (touch,) = parse_message(body(detail), INDEX).touches
    event = touch.event
    assert (event.actor, event.name, event.source_ip, event.user_agent, event.region, event.event_id) == (
        ANN,
        "PutBucketTagging",
        "198.51.100.7",
        "aws-cli/2.15.0",
        "eu-west-1",
        detail["eventID"],
    )
    assert event.at.isoformat() == "2026-11-01T10:00:00+00:00"


def test_a_call_of_aws_itself_has_the_service_as_its_actor():
    identity = {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}
    detail = record("s3", "PutBucketTagging", {"bucketName": "scans"}, userIdentity=identity)
    assert parse_message(body(detail), INDEX).touches[0].event.actor == "autoscaling.amazonaws.com"


def test_envelopes_of_sns_and_lists_are_taken_off():
    detail = record("s3", "PutBucketTagging", {"bucketName": "scans"})
    notice = {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:111111111111:t", "Message": body(detail)}
    assert len(parse_message(json.dumps(notice), INDEX).touches) == 1
    assert len(parse_message([bridge(detail), bridge(detail)], INDEX).touches) == 2


CONFIG_EVENT = {  # AWS Config Developer Guide, "Amazon EventBridge format for AWS Config", shortened
    "version": "0",
    "id": "00bdf13e-1111-b2f5-cef0-e9cbbe7cd533",
    "detail-type": "Config Configuration Item Change",
    "source": "aws.config",
    "account": ACCOUNT,
    "time": "2026-11-01T10:00:05Z",
    "region": "eu-west-1",
    "resources": [],
    "detail": {
        "recordVersion": "1.3",
        "messageType": "ConfigurationItemChangeNotification",
        "configurationItemDiff": {"changedProperties": {}, "changeType": "UPDATE"},
        "notificationCreationTime": "2026-11-01T10:00:05Z",
        "configurationItem": {
            "ARN": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{INSTANCE}",
            "resourceId": INSTANCE,
            "resourceType": "AWS::EC2::Instance",
            "awsAccountId": ACCOUNT,
            "awsRegion": "eu-west-1",
            "configurationItemStatus": "OK",
            "configurationItemCaptureTime": "2026-11-01T10:00:03Z",
        },
    },
}


def test_a_configuration_item_touches_its_resource_without_an_actor():
    (touch,) = parse_message(json.dumps(CONFIG_EVENT), INDEX).touches
    assert (touch.scope.type, touch.names, touch.deletes, touch.event.actor) == (
        "ec2.instance",
        {INSTANCE},
        False,
        "",
    )
    gone = json.loads(json.dumps(CONFIG_EVENT))
    gone["detail"]["configurationItem"]["configurationItemStatus"] = "ResourceDeleted"
    assert parse_message(gone, INDEX).touches[0].deletes


def test_an_instance_that_ended_is_a_deletion():
    event = {
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": ACCOUNT,
        "time": "2026-11-01T10:00:00Z",
        "region": "eu-west-1",
        "resources": [f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{INSTANCE}"],
        "detail": {"instance-id": INSTANCE, "state": "terminated"},
    }
    (touch,) = parse_message(event, INDEX).touches
    assert (touch.names, touch.deletes) == ({INSTANCE}, True)


def test_object_events_name_files_to_import_and_buckets_that_may_be_new():
    def object_created(key):
        return {
            "version": "0",
            "id": "1",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": ACCOUNT,
            "time": "2026-11-01T10:00:00Z",
            "region": "eu-west-1",
            "resources": ["arn:aws:s3:::trail"],
            "detail": {"version": "0", "bucket": {"name": "trail"}, "object": {"key": key, "size": 1}},
        }

    key = f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/11/01/{ACCOUNT}_CloudTrail_eu-west-1_x.json.gz"
    assert parse_message(object_created(key), INDEX).files == (("trail", key),)
    key = f"AWS:Application/accountid={ACCOUNT}/region=eu-west-1/resourcetype=ManagedInstanceInventory/{INSTANCE}.json"
    assert parse_message(object_created(key), INDEX).files == (("trail", key),)
    assert parse_message(object_created("holiday.jpg"), INDEX).buckets[0].names == {"trail"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(300), deadline=None)
@given(json_values, st.sampled_from(sorted(record("ec2", "RunInstances"))), json_values)
def test_no_message_breaks_the_reader(value, member, replacement):
    parse_message(value, INDEX)
    parse_message(json.dumps(value), INDEX)
    parse_message(bridge(record("ec2", "RunInstances", value, value)) | {}, INDEX)
    parse_message(body(record("ec2", "RunInstances"))[:-1], INDEX)
    broken = bridge(record("ec2", "RunInstances"))
    broken["detail"] = broken["detail"] | {member: replacement}
    parse_message(broken, INDEX)
