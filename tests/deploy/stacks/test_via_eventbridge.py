"""Events by EventBridge, where another consumer has the bucket's notification for the same keys already."""

import time

import pytest

from tests.deploy.stacks.world import PIPELINE
from windlass.core.errors import ConfigError
from windlass.deploy.stack_resources import BucketEvents, event_pattern


def entry(arn):
    return {"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}


@pytest.mark.timeout(200)
def test_two_consumers_of_one_bucket(world):
    world.configure(PIPELINE)
    sqs, s3 = world.client("sqs"), world.client("s3")
    sqs.create_queue(QueueName="theirs")
    foreign = {"QueueConfigurations": [entry(f"arn:aws:sqs:us-east-1:{world.account}:theirs")]}
    s3.put_bucket_notification_configuration(
        Bucket=world.raw, NotificationConfiguration=foreign, SkipDestinationValidation=True
    )
    refused = world.say("deploy", "create", "pipeline", "uniform", "--zip", "function.zip", code=254)
    assert "--via eventbridge" in refused.stderr
    world.create("pipeline", "uniform", "--via", "eventbridge")
    now = world.notification(world.raw)
    assert now["EventBridgeConfiguration"] == {}
    assert [configuration["Id"] for configuration in now["QueueConfigurations"]] == ["theirs"]
    s3.put_object(Bucket=world.raw, Key="in/a.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=world.raw, Key="other/b.yaml", Body=b"n: 2\n")
    deadline, messages = time.monotonic() + 60, []
    while time.monotonic() < deadline and not messages:
        messages = [content["Key"] for content in s3.list_objects_v2(Bucket=world.out).get("Contents", [])]
        time.sleep(0.3)
    assert messages == ["a.json"]
    assert world.create("pipeline", "uniform", "--via", "eventbridge")["effects"] == []
    world.delete("pipeline", "uniform", "--force")
    assert world.client("events").list_rules()["Rules"] == []
    left = world.notification(world.raw)
    assert left["EventBridgeConfiguration"] == {}  # others may need it by now
    assert [configuration["Id"] for configuration in left["QueueConfigurations"]] == ["theirs"]


def test_keys_are_matched_as_a_notification_matches_them():
    pattern = event_pattern(
        BucketEvents("b", ("s3:ObjectCreated:*", "s3:ObjectRemoved:*"), ("in/*x\\",), (".yaml", ".yml"))
    )
    assert pattern == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {
            "bucket": {"name": ["b"]},
            "object": {"key": [{"wildcard": "in/\\*x\\\\*.yaml"}, {"wildcard": "in/\\*x\\\\*.yml"}]},
        },
    }
    assert "object" not in event_pattern(BucketEvents("b", ("s3:ObjectCreated:*",)))["detail"]
    with pytest.raises(ConfigError, match="Replication"):
        event_pattern(BucketEvents("b", ("s3:Replication:*",)))
