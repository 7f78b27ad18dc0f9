"""Each template of deploy/cloudformation made on the embedded AWS, used, updated once, and deleted."""

import json
from functools import cache
from pathlib import Path

import pytest

from tests.deploy.world import AGGREGATOR, PIPELINE, World
from windlass.deploy.bundle import bundle_of, this_target
from windlass.deploy.bundling import build
from windlass.deploy.notifications import same
from windlass.local.server import LocalServer

TEMPLATES = Path(__file__).parents[2] / "deploy" / "cloudformation"
runs = pytest.mark.skipif(this_target() is None, reason="this interpreter is none of Lambda's")


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture
def world(aws, tmp_path):
    made = Stacks(aws.url, tmp_path)
    yield made
    made.close()


class Stacks(World):
    """An account with buckets, and stacks in it."""

    def create(self, template, **parameters):
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=template, TemplateBody=(TEMPLATES / f"{template}.yaml").read_text("utf-8"), Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=self.parameters(parameters), Tags=[{"Key": "team", "Value": "data"}],
        )  # fmt: skip
        return self.outputs(template, "CREATE_COMPLETE")

    def update(self, template, **parameters):
        self.client("cloudformation").update_stack(
            StackName=template, TemplateBody=(TEMPLATES / f"{template}.yaml").read_text("utf-8"), Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=self.parameters(parameters),
        )  # fmt: skip
        return self.outputs(template, "UPDATE_COMPLETE")

    def delete(self, template):
        self.client("cloudformation").delete_stack(StackName=template)
        assert self.client("cloudformation").describe_stacks()["Stacks"] == []

    def parameters(self, values):
        return [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in values.items()]

    def outputs(self, name, status):
        cloudformation = self.client("cloudformation")
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        reasons = [
            one.get("ResourceStatusReason")
            for one in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        ]
        assert stack["StackStatus"] == status, reasons
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}

    def code(self, name, config):
        """The parameters that say where the built zip is, after putting it there."""
        code = f"code-{self.account}"
        self.client("s3").create_bucket(Bucket=code)
        self.client("s3").put_object(Bucket=code, Key=f"{name}.zip", Body=built(name, self.config(config)))
        target = this_target()
        return {
            "CodeBucket": code,
            "CodeKey": f"{name}.zip",
            "Runtime": f"python{target.python}",
            "Architecture": target.arch,
        }

    def role(self, name):
        """A role's statements, without their names, in an order of their own."""
        policy = self.client("iam").get_role_policy(RoleName=name, PolicyName="windlass")["PolicyDocument"]
        return statements(policy)


@cache
def built(name, config):
    return build(bundle_of(name), this_target(), extras=(), config=config, added=(), compiled=False).content


def statements(policy):
    found = set()
    for one in policy["Statement"]:
        condition = json.dumps(one.get("Condition", {}), sort_keys=True)
        actions, resources = ([one[key]] if isinstance(one[key], str) else one[key] for key in ("Action", "Resource"))
        found |= {(action, resource, condition) for action in actions for resource in resources}
    return found


@runs
@pytest.mark.timeout(200)
def test_a_pipeline_s_stack_transforms_what_is_put_and_leaves_other_notifications(world):
    before = world.foreign_entries(world.raw)
    asked = {
        "Name": "windlass-uniform", "SourceBucket": world.raw, "SourcePrefix": "in/", "SourceSuffixes": ".yaml,.yml",
        "TargetBucket": f"made-{world.account}", "CreateTargetBucket": "yes", "ErrorBucket": f"made-{world.account}",
        "ErrorPrefix": "failed/", **world.code("pipeline", PIPELINE.replace("out-", "made-")),
    }  # fmt: skip
    out = world.create("pipeline", **asked)
    assert out["QueueUrl"].startswith(world.url)
    ours = [one for one in world.notification(world.raw)["QueueConfigurations"] if one["Id"].startswith("windlass.")]
    assert [one["QueueArn"] for one in ours] == [out["QueueArn"]] * 2
    s3 = world.client("s3")
    s3.put_object(Bucket=world.raw, Key="in/a/x.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=world.raw, Key="in/bad.yml", Body=b"a: [1\nb: }")
    made = world.wait(lambda: len(found := world.contents(out["TargetBucket"])) >= 3 and found)
    assert json.loads(made["a/x.json"]) == {"n": 1}
    assert set(made) == {"a/x.json", "failed/in/bad.yml", "failed/in/bad.yml.reason.json"}
    assert s3.get_bucket_versioning(Bucket=out["TargetBucket"])["Status"] == "Enabled"

    world.update("pipeline", **asked | {"MemorySize": 1024, "SourceSuffixes": ".yaml"})
    assert world.client("lambda").get_function_configuration(FunctionName="windlass-uniform")["MemorySize"] == 1024
    ours = [one for one in world.notification(world.raw)["QueueConfigurations"] if one["Id"].startswith("windlass.")]
    assert len(ours) == 1

    world.delete("pipeline")
    assert same(world.notification(world.raw), before)
    assert s3.head_bucket(Bucket=out["TargetBucket"])
    assert [one["FunctionName"] for one in world.client("lambda").list_functions()["Functions"]] == ["theirs"]
    assert len(world.client("sqs").list_queues()["QueueUrls"]) == 1


@runs
@pytest.mark.timeout(200)
def test_an_aggregator_s_stack_counts_and_acts(world):
    before = world.foreign_entries(world.raw)
    acted = world.client("sqs").create_queue(QueueName="acted")["QueueUrl"]
    config = AGGREGATOR.replace("object-events", "windlass-shares-events")
    asked = {
        "Name": "windlass-shares", "SourceBucket": world.raw, "SourcePrefix": "in/", "Action": "sqs-send", "BatchingWindow": 1,
        "ActionResource": f"arn:aws:sqs:us-east-1:{world.account}:acted", **world.code("aggregator", config),
    }  # fmt: skip
    out = world.create("aggregator", **asked)
    assert (out["TableName"], out["QueueName"], out["TimersQueueName"]) == (
        "windlass-shares", "windlass-shares-events", "windlass-shares-timers",
    )  # fmt: skip
    for at in range(20):
        world.client("s3").put_object(Bucket=world.raw, Key=f"in/{at}", Body=b"x")
    told = world.wait(
        lambda: world.client("sqs").receive_message(QueueUrl=acted, WaitTimeSeconds=2).get("Messages"), 90
    )
    assert json.loads(told[0]["Body"])["bucket"] == world.raw
    ttl = world.client("dynamodb").describe_time_to_live(TableName=out["TableName"])["TimeToLiveDescription"]
    assert ttl["TimeToLiveStatus"] == "ENABLED"

    world.update("aggregator", **asked | {"CompletionEvents": "yes"})
    assert {one["Name"] for one in world.client("events").list_rules()["Rules"]} == {
        "windlass-shares-sweep",
        "windlass-shares-completion",
    }
    world.delete("aggregator")
    assert same(world.notification(world.raw), before)
    assert world.client("events").list_rules()["Rules"] == []
    assert world.client("dynamodb").list_tables()["TableNames"] == []


def portrait(world, name):
    """What a pipeline or aggregator of that name is made of, in an account that is not named."""
    sqs, functions, iam, logs = (world.client(one) for one in ("sqs", "lambda", "iam", "logs"))
    seen = {}
    for url in sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        kept = (
            "VisibilityTimeout",
            "MessageRetentionPeriod",
            "SqsManagedSseEnabled",
            "DelaySeconds",
            "MaximumMessageSize",
        )
        seen[f"queue {attributes['QueueArn']}"] = {one: attributes.get(one) for one in kept} | {
            "redrive": {key: str(value) for key, value in json.loads(attributes.get("RedrivePolicy", "{}")).items()},
            "policy": sorted(
                json.dumps({key: value for key, value in one.items() if key != "Sid"}, sort_keys=True)
                for one in json.loads(attributes.get("Policy") or "{}").get("Statement", ())
            ),
        }
    function = functions.get_function_configuration(FunctionName=name)
    kept = (
        "Runtime",
        "Role",
        "Handler",
        "Timeout",
        "MemorySize",
        "CodeSha256",
        "Architectures",
        "Environment",
        "PackageType",
    )
    seen["function"] = {one: function.get(one) for one in kept}
    kept = ("BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "ScalingConfig", "State")
    for one in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
        seen[f"mapping {one['EventSourceArn']}"] = {key: one.get(key) for key in kept}
    role = function["Role"].rpartition("/")[2]
    seen["trust"] = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    seen["role"] = sorted(world.role(role))
    (group,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"][:1]
    seen["log"] = (group["logGroupName"], group["retentionInDays"])
    for rule in world.client("events").list_rules(NamePrefix=name)["Rules"]:
        targets = world.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
        seen[f"rule {rule['Name']}"] = (rule["ScheduleExpression"], rule["State"], targets)
        allowed = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
        seen["permission"] = [
            {key: one[key] for key in ("Action", "Principal", "Resource", "Condition")} for one in allowed
        ]
    tables = world.client("dynamodb")
    for table in tables.list_tables()["TableNames"]:
        told = tables.describe_table(TableName=table)["Table"]
        seen[f"table {table}"] = (
            told["KeySchema"], told["AttributeDefinitions"], told["BillingModeSummary"]["BillingMode"], told["DeletionProtectionEnabled"],
            tables.describe_time_to_live(TableName=table)["TimeToLiveDescription"],
        )  # fmt: skip
    entries = world.notification(world.raw)["QueueConfigurations"]
    seen["notification"] = sorted(
        json.dumps({key: value for key, value in one.items() if key != "Id"}, sort_keys=True) for one in entries
    )
    return json.loads(json.dumps(seen, sort_keys=True).replace(world.account, "ACCOUNT"))


@runs
@pytest.mark.timeout(250)
@pytest.mark.parametrize("kind", ["pipeline", "aggregator"])
def test_windlass_deploy_and_the_template_make_the_same(aws, tmp_path, kind):
    config = {"pipeline": PIPELINE.replace("raw-events", "windlass-it-events"), "aggregator": AGGREGATOR}[kind]
    for old, new in (
        ('"uniform"', '"it"'), ('"shares"', '"it"'), ("object-events", "windlass-it-events"), ("windlass-shares-timers", "windlass-it-timers"),
        ("windlass-shares", "windlass-it"),
    ):  # fmt: skip
        config = config.replace(old, new)
    seen = []
    for way in ("deploy", "template"):
        folder = tmp_path / way
        folder.mkdir()
        world = Stacks(aws.url, folder)
        world.client("sqs").create_queue(QueueName="acted")
        code = world.code(kind, config.replace("{account}", "1" * 12))  # the same zip for both
        if way == "deploy":
            world.configure(config)
            (folder / "function.zip").write_bytes(built(kind, world.config(config.replace("{account}", "1" * 12))))
            world.say(
                "deploy",
                "create",
                kind,
                "it",
                "--zip",
                "function.zip",
                "--runtime",
                code["Runtime"],
                "--arch",
                code["Architecture"],
            )
        else:
            more = {
                "pipeline": {
                    "SourcePrefix": "in/", "SourceSuffixes": ".yaml,.yml", "TargetBucket": world.out, "ErrorBucket": world.out,
                    "ErrorPrefix": "failed/",
                },
                "aggregator": {
                    "Action": "sqs-send", "ActionResource": f"arn:aws:sqs:us-east-1:{world.account}:acted", "BatchingWindow": 1,
                    "VisibilityTimeout": 361,
                },
            }[kind]  # fmt: skip
            world.create(kind, Name="windlass-it", SourceBucket=world.raw, **code, **more)
        seen.append(portrait(world, "windlass-it"))
        world.close()
    for one in seen:
        one["function"].pop("CodeSha256")  # of another account's windlass.toml
    assert seen[0] == seen[1]
