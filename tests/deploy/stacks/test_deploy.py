"""`windlass deploy` as its users run it: made, made again, used, looked at, unmade, and nobody else's touched."""

import json

import pytest

from tests.deploy.stacks.world import AGGREGATOR, PIPELINE
from windlass.deploy.notifications import equivalent


@pytest.mark.timeout(200)
def test_a_pipeline_comes_works_and_goes_and_leaves_the_bucket_as_it_was(world):
    before = world.foreign_entries(world.raw)
    assert set(before) == {
        "QueueConfigurations",
        "TopicConfigurations",
        "LambdaFunctionConfigurations",
        "EventBridgeConfiguration",
    }
    world.configure(PIPELINE)

    dry = world.create("pipeline", "uniform", "--dry-run")
    assert [effect["call"] for effect in dry["effects"]] == [
        "sqs:CreateQueue",
        "sqs:CreateQueue",
        "logs:CreateLogGroup",
        "logs:PutRetentionPolicy",
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "lambda:CreateFunction",
        "lambda:Invoke",
        "lambda:CreateEventSourceMapping",
        "s3:PutBucketNotificationConfiguration",
    ]
    assert set(world.status("pipeline", "uniform").values()) == {"missing"}

    assert world.create("pipeline", "uniform")["effects"] == dry["effects"]
    assert world.create("pipeline", "uniform")["effects"] == []
    assert set(world.status("pipeline", "uniform").values()) == {"ok"}
    table = world.say("deploy", "status", "pipeline", "uniform").stdout
    assert "windlass-uniform" in table
    assert "others=4" in table

    world.client("s3").put_object(Bucket=world.raw, Key="in/a/x.yaml", Body=b"n: 1\n")
    world.client("s3").put_object(Bucket=world.raw, Key="in/bad.yml", Body=b"a: [1\nb: }")
    world.client("s3").put_object(Bucket=world.raw, Key="in/other.txt", Body=b"no")
    outputs = world.wait(lambda: len(contents := world.contents(world.out)) >= 3 and contents)
    assert json.loads(outputs["a/x.json"]) == {"n": 1}
    assert set(outputs) == {"a/x.json", "failed/in/bad.yml", "failed/in/bad.yml.reason.json"}

    world.say("deploy", "delete", "pipeline", "uniform", code=252)  # nobody to ask
    dry = json.loads(world.say("deploy", "delete", "pipeline", "uniform", "--dry-run", "-o", "json").stdout)
    assert set(world.status("pipeline", "uniform").values()) == {"ok"}
    assert world.delete("pipeline", "uniform")["effects"] == dry["effects"]
    assert equivalent(world.notification(world.raw), before)
    assert set(world.status("pipeline", "uniform").values()) == {"missing"}
    assert world.delete("pipeline", "uniform")["effects"] == []
    assert [function["FunctionName"] for function in world.client("lambda").list_functions()["Functions"]] == ["theirs"]
    assert [role["RoleName"] for role in world.client("iam").list_roles()["Roles"]] == ["theirs"]


@pytest.mark.timeout(200)
def test_an_aggregator_counts_acts_and_goes(world):
    before = world.foreign_entries(world.raw)
    sqs = world.client("sqs")
    acted = sqs.create_queue(QueueName="acted")["QueueUrl"]
    # Others' entries are for other prefixes, but this one is for the whole bucket: S3 would refuse it.
    world.configure(AGGREGATOR)
    refused = world.say("deploy", "create", "aggregator", "shares", "--zip", "function.zip", code=254)
    assert "theirs QueueArn" in refused.stderr
    world.configure(AGGREGATOR + 'prefixes = ["in/", "in/deeper/"]\n')
    calls = [effect["call"] for effect in world.create("aggregator", "shares")["effects"]]
    assert calls == [
        "sqs:CreateQueue",
        "sqs:CreateQueue",
        "sqs:CreateQueue",
        "dynamodb:CreateTable",
        "dynamodb:UpdateTimeToLive",
        "logs:CreateLogGroup",
        "logs:PutRetentionPolicy",
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "lambda:CreateFunction",
        "lambda:Invoke",
        "lambda:CreateEventSourceMapping",
        "lambda:CreateEventSourceMapping",
        "events:PutRule",
        "lambda:AddPermission",
        "events:PutTargets",
        "s3:PutBucketNotificationConfiguration",
    ]
    assert world.create("aggregator", "shares")["effects"] == []
    assert set(world.status("aggregator", "shares").values()) == {"ok"}
    (entry,) = [
        configuration
        for configuration in world.notification(world.raw)["QueueConfigurations"]
        if configuration["Id"].startswith("windlass.")
    ]
    assert entry["Filter"]["Key"]["FilterRules"][0]["Value"] == "in/"  # the deeper one would overlap

    for at in range(20):
        world.client("s3").put_object(Bucket=world.raw, Key=f"in/{at}", Body=b"x")
    messages = world.wait(lambda: sqs.receive_message(QueueUrl=acted, WaitTimeSeconds=2).get("Messages"))
    assert json.loads(messages[0]["Body"])["bucket"] == world.raw

    world.delete("aggregator", "shares", "--force")
    assert equivalent(world.notification(world.raw), before)
    assert set(world.status("aggregator", "shares").values()) == {"missing"}
    assert world.client("dynamodb").list_tables()["TableNames"] == []
    assert world.client("events").list_rules()["Rules"] == []
