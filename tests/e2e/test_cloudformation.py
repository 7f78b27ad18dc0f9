"""Each template of deploy/cloudformation made on the embedded AWS, used, updated once, and deleted."""

import gzip
import json
import urllib.request
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.deploy.stacks.world import AGGREGATOR, PIPELINE, World
from windlass.clients.athena.sql import Layout, create_table
from windlass.clients.trail import enable_actions
from windlass.deploy.bundle import bundle_of, this_platform
from windlass.deploy.function_config import FunctionConfig
from windlass.deploy.function_zip import build_function
from windlass.deploy.notifications import equivalent
from windlass.deploy.policies import facts as facts_policy
from windlass.deploy.policies import inventory as inventory_policy
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, document
from windlass.replication.model import BucketRef, Operation, Pair
from windlass.replication.setup.role import Encryption, RoleScope, batch_statements, replication_statements
from windlass.settings import Settings
from windlass_local.server import LocalServer

TEMPLATES = Path(__file__).parents[2] / "deploy" / "cloudformation"
runs = pytest.mark.skipif(this_platform() is None, reason="this interpreter is none of Lambda's")


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
            StackName=template,
            TemplateBody=(TEMPLATES / f"{template}.yaml").read_text("utf-8"),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=self.parameters(parameters),
            Tags=[{"Key": "team", "Value": "data"}],
        )
        return self.outputs(template, "CREATE_COMPLETE")

    def update(self, template, **parameters):
        self.client("cloudformation").update_stack(
            StackName=template,
            TemplateBody=(TEMPLATES / f"{template}.yaml").read_text("utf-8"),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=self.parameters(parameters),
        )
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
            stack_event.get("ResourceStatusReason")
            for stack_event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        ]
        assert stack["StackStatus"] == status, reasons
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def code(self, name, config):
        """The parameters that say where the built zip is, after putting it there."""
        (self.folder / f"windlass-{name}.toml").write_text(self.config(config), "utf-8")  # what its policy is made from
        code = f"code-{self.account}"
        self.client("s3").create_bucket(Bucket=code)
        self.client("s3").put_object(Bucket=code, Key=f"{name}.zip", Body=built(name, self.config(config)))
        target = this_platform()
        return {
            "CodeBucket": code,
            "CodeKey": f"{name}.zip",
            "Runtime": f"python{target.python}",
            "Architecture": target.arch,
        }

    def role(self, name):
        """A role's statements, taken apart, whatever they are called."""
        return statements(self.client("iam").get_role_policy(RoleName=name, PolicyName="windlass")["PolicyDocument"])


@cache
def built(name, config):
    return build_function(
        bundle_of(name), this_platform(), extras=(), config=FunctionConfig(config), added=(), compiled=False
    ).content


def statements(policy):
    found = set()
    for entry in policy["Statement"]:
        condition = json.dumps(entry.get("Condition", {}), sort_keys=True)
        actions, resources = (
            [entry[key]] if isinstance(entry[key], str) else entry[key] for key in ("Action", "Resource")
        )
        found |= {(action, resource, condition) for action in actions for resource in resources}
    return found


@runs
@pytest.mark.timeout(200)
def test_a_pipeline_s_stack_transforms_what_is_put_and_leaves_other_notifications(world):
    before = world.foreign_entries(world.raw)
    asked = {
        "Name": "windlass-uniform",
        "SourceBucket": world.raw,
        "SourcePrefix": "in/",
        "SourceSuffixes": ".yaml,.yml",
        "TargetBucket": f"made-{world.account}",
        "CreateTargetBucket": "yes",
        "ErrorBucket": f"made-{world.account}",
        "ErrorPrefix": "failed/",
        **world.code("pipeline", PIPELINE.replace("out-", "made-")),
    }
    out = world.create("pipeline", **asked)
    assert out["QueueUrl"].startswith(world.url)
    ours = [
        queue_configuration
        for queue_configuration in world.notification(world.raw)["QueueConfigurations"]
        if queue_configuration["Id"].startswith("windlass.")
    ]
    assert [our["QueueArn"] for our in ours] == [out["QueueArn"]] * 2
    s3 = world.client("s3")
    s3.put_object(Bucket=world.raw, Key="in/a/x.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=world.raw, Key="in/bad.yml", Body=b"a: [1\nb: }")
    made = world.wait(lambda: len(found := world.contents(out["TargetBucket"])) >= 3 and found)
    assert json.loads(made["a/x.json"]) == {"n": 1}
    assert set(made) == {"a/x.json", "failed/in/bad.yml", "failed/in/bad.yml.reason.json"}
    assert s3.get_bucket_versioning(Bucket=out["TargetBucket"])["Status"] == "Enabled"

    world.update("pipeline", **asked | {"MemorySize": 1024, "SourceSuffixes": ".yaml"})
    assert world.client("lambda").get_function_configuration(FunctionName="windlass-uniform")["MemorySize"] == 1024
    ours = [
        queue_configuration
        for queue_configuration in world.notification(world.raw)["QueueConfigurations"]
        if queue_configuration["Id"].startswith("windlass.")
    ]
    assert len(ours) == 1

    world.delete("pipeline")
    assert equivalent(world.notification(world.raw), before)
    assert s3.head_bucket(Bucket=out["TargetBucket"])
    assert [function["FunctionName"] for function in world.client("lambda").list_functions()["Functions"]] == ["theirs"]
    assert len(world.client("sqs").list_queues()["QueueUrls"]) == 1


@runs
@pytest.mark.timeout(200)
def test_an_aggregator_s_stack_counts_and_acts(world):
    before = world.foreign_entries(world.raw)
    acted = world.client("sqs").create_queue(QueueName="acted")["QueueUrl"]
    config = AGGREGATOR.replace("object-events", "windlass-shares-events")
    asked = {
        "Name": "windlass-shares",
        "SourceBucket": world.raw,
        "SourcePrefix": "in/",
        "Action": "sqs-send",
        "BatchingWindow": 1,
        "ActionResource": f"arn:aws:sqs:us-east-1:{world.account}:acted",
        **world.code("aggregator", config),
    }
    out = world.create("aggregator", **asked)
    assert (out["TableName"], out["QueueName"], out["TimersQueueName"]) == (
        "windlass-shares",
        "windlass-shares-events",
        "windlass-shares-timers",
    )
    for at in range(20):
        world.client("s3").put_object(Bucket=world.raw, Key=f"in/{at}", Body=b"x")
    told = world.wait(
        lambda: world.client("sqs").receive_message(QueueUrl=acted, WaitTimeSeconds=2).get("Messages"), 90
    )
    assert json.loads(told[0]["Body"])["bucket"] == world.raw
    ttl = world.client("dynamodb").describe_time_to_live(TableName=out["TableName"])["TimeToLiveDescription"]
    assert ttl["TimeToLiveStatus"] == "ENABLED"

    world.update("aggregator", **asked | {"CompletionEvents": "yes"})
    assert {rule["Name"] for rule in world.client("events").list_rules()["Rules"]} == {
        "windlass-shares-repair",
        "windlass-shares-completion",
    }
    world.delete("aggregator")
    assert equivalent(world.notification(world.raw), before)
    assert world.client("events").list_rules()["Rules"] == []
    assert world.client("dynamodb").list_tables()["TableNames"] == []


def portrait(world, name):
    """What a pipeline or aggregator of that name is made of, in an account that is not named."""
    sqs, functions, iam, logs = (world.client(item) for item in ("sqs", "lambda", "iam", "logs"))
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
        seen[f"queue {attributes['QueueArn']}"] = {item: attributes.get(item) for item in kept} | {
            "redrive": {key: str(value) for key, value in json.loads(attributes.get("RedrivePolicy", "{}")).items()},
            "policy": sorted(
                json.dumps({key: value for key, value in item.items() if key != "Sid"}, sort_keys=True)
                for item in json.loads(attributes.get("Policy") or "{}").get("Statement", ())
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
    seen["function"] = {item: function.get(item) for item in kept}
    kept = ("BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "ScalingConfig", "State")
    for event_source_mapping in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
        seen[f"mapping {event_source_mapping['EventSourceArn']}"] = {key: event_source_mapping.get(key) for key in kept}
    role = function["Role"].rpartition("/")[2]
    seen["trust"] = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    seen["role"] = sorted(world.role(role))
    (group,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"][:1]
    seen["log"] = (group["logGroupName"], group["retentionInDays"])
    for rule in world.client("events").list_rules(NamePrefix=name)["Rules"]:
        targets = world.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
        pattern = json.loads(rule.get("EventPattern") or "{}")
        seen[f"rule {rule['Name']}"] = (rule.get("ScheduleExpression"), pattern, rule["State"], targets)
        allowed = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
        seen["permission"] = sorted(
            json.dumps({key: item[key] for key in ("Action", "Principal", "Resource", "Condition")}, sort_keys=True)
            for item in allowed
        )
    tables = world.client("dynamodb")
    for table in tables.list_tables()["TableNames"]:
        told = tables.describe_table(TableName=table)["Table"]
        seen[f"table {table}"] = (
            told["KeySchema"],
            told["AttributeDefinitions"],
            told["BillingModeSummary"]["BillingMode"],
            told["DeletionProtectionEnabled"],
            tables.describe_time_to_live(TableName=table)["TimeToLiveDescription"],
        )
    entries = world.notification(world.raw)["QueueConfigurations"]
    seen["notification"] = sorted(
        json.dumps({key: value for key, value in entry.items() if key != "Id"}, sort_keys=True) for entry in entries
    )
    return json.loads(json.dumps(seen, sort_keys=True).replace(world.account, "ACCOUNT"))


@runs
@pytest.mark.timeout(250)
@pytest.mark.parametrize("case", ["pipeline", "aggregator", "aggregator of strict rules"])
def test_windlass_deploy_and_the_template_make_the_same(aws, tmp_path, case):
    kind, _, strict = case.partition(" ")
    config = {"pipeline": PIPELINE.replace("raw-events", "windlass-it-events"), "aggregator": AGGREGATOR}[kind]
    if strict:
        sending = config[config.index("action") :]
        config = config.replace(sending, 'strict = true\naction = {{ kind = "storage-gateway-refresh" }}\n')
    for old, new in (
        ('"uniform"', '"it"'),
        ('"shares"', '"it"'),
        ("object-events", "windlass-it-events"),
        ("windlass-shares-timers", "windlass-it-timers"),
        ("windlass-shares", "windlass-it"),
    ):
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
            world.say("deploy", "create", kind, "it")  # with a zip that it builds itself
        else:
            more = {
                "pipeline": {
                    "SourcePrefix": "in/",
                    "SourceSuffixes": ".yaml,.yml",
                    "TargetBucket": world.out,
                    "ErrorBucket": world.out,
                    "ErrorPrefix": "failed/",
                },
                "aggregator": {
                    "Action": "sqs-send",
                    "ActionResource": f"arn:aws:sqs:us-east-1:{world.account}:acted",
                    "BatchingWindow": 1,
                    "VisibilityTimeout": 361,
                },
            }[kind]
            if strict:
                more |= {"Action": "storage-gateway-refresh", "CompletionEvents": "yes"}
            world.create(kind, Name="windlass-it", SourceBucket=world.raw, **code, **more)
        seen.append(portrait(world, "windlass-it"))
        world.close()
    for entry in seen:
        entry["function"].pop("CodeSha256")  # of another account's windlass.toml
    assert seen[0] == seen[1]


def test_the_replication_roles_are_taken_by_a_rule_and_say_what_windlass_would(world):
    source, destination = (
        BucketRef(bucket=entry, account_id=world.account, region="us-east-1") for entry in (world.raw, world.out)
    )
    pair = Pair(source=source, destination=destination)
    asked = {
        "SourceBucket": world.raw,
        "DestinationBucket": world.out,
        "WorkBucket": world.raw,
        "WorkPrefix": "manifests/",
    }
    out = world.create("replication-role", **asked)
    assert world.role("windlass-replication-replication") == statements({"Statement": replication_statements(pair)})
    work = RoleScope(
        operation=Operation.REPLICATE,
        manifest_bucket=world.raw,
        manifest_prefix="manifests/",
        report_bucket=world.raw,
        report_prefix="manifests/",
        generated=True,
    )
    assert world.role("windlass-replication-batch") == statements({"Statement": batch_statements(pair, work)})

    s3 = world.client("s3")
    for entry in (world.raw, world.out):
        s3.put_bucket_versioning(Bucket=entry, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "all",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{world.out}"},
    }
    configuration = {"Role": out["ReplicationRoleArn"], "Rules": [rule]}
    s3.put_bucket_replication(Bucket=world.raw, ReplicationConfiguration=configuration)
    # The embedded AWS keeps the rule, and copies nothing by it.
    assert s3.get_bucket_replication(Bucket=world.raw)["ReplicationConfiguration"]["Role"] == out["ReplicationRoleArn"]

    keys = {
        "SourceKeyArn": f"arn:aws:kms:us-east-1:{world.account}:key/s",
        "DestinationKeyArn": f"arn:aws:kms:us-east-1:{world.account}:key/d",
    }
    world.update("replication-role", **asked, **keys, BatchOperation="copy", ObjectLock="yes", DeleteMarkers="yes")
    encryption = Encryption(keys["SourceKeyArn"], keys["DestinationKeyArn"])
    needed = replication_statements(pair, encryption=encryption, locked=True, delete_markers=True)
    assert world.role("windlass-replication-replication") == statements({"Statement": needed})
    work = replace(work, operation=Operation.COPY, versions=True, locked=True, generated=False)
    wider = {
        (f"s3:{entry}", f"arn:aws:s3:::{world.raw}/manifests/*", "{}")
        for entry in ("GetObject", "GetObjectVersion", "PutObject")
    }
    assert (
        world.role("windlass-replication-batch")
        == statements({"Statement": batch_statements(pair, work, encryption)}) | wider
    )
    world.delete("replication-role")
    assert world.client("iam").list_roles()["Roles"] == []


def test_the_trail_s_stack_records_what_windlass_clients_reads(world):
    out = world.create("clients-trail", TrailName="seen")
    s3, trails = world.client("s3"), world.client("cloudtrail")
    assert out["LogBucket"] == f"seen-{world.account}"
    trail = trails.get_trail(Name="seen")["Trail"]
    assert (trail["IsMultiRegionTrail"], trail["LogFileValidationEnabled"]) == (True, True)
    assert trails.get_trail_status(Name="seen")["IsLogging"]
    wanted = enable_actions(
        name="seen",
        bucket=out["LogBucket"],
        account_id=world.account,
        region="us-east-1",
        partition="aws",
        buckets=(),
        keep_days=90,
        new_bucket=True,
    )
    policy = json.loads(next(entry.params["Policy"] for entry in wanted if entry.operation == "PutBucketPolicy"))
    there = json.loads(s3.get_bucket_policy(Bucket=out["LogBucket"])["Policy"])
    assert statements(there) == statements(policy)
    s3.put_object(Bucket=world.raw, Key="a", Body=b"x")

    def logged():
        urllib.request.urlopen(f"{world.url}/_windlass/trails", timeout=20).close()
        files = [
            gzip.decompress(body) for key, body in world.contents(out["LogBucket"]).items() if key.endswith(".json.gz")
        ]
        events = [event for file in files for event in json.loads(file)["Records"]]
        return [
            event
            for event in events
            if event["eventName"] == "PutObject" and event["requestParameters"]["bucketName"] == world.raw
        ]

    world.wait(logged, 20)

    glue = world.client("glue")
    table = glue.get_table(DatabaseName=out["DatabaseName"], Name=out["TableName"])["Table"]
    layout = Layout(
        bucket=out["LogBucket"],
        prefix="AWSLogs/",
        accounts=(world.account,),
        regions=("us-east-1",),
        first_day="2026-01-01",
    )
    for line in (f"{column['Name']} {column['Type']}" for column in table["StorageDescriptor"]["Columns"]):
        assert line in create_table(layout, "windlass")
    assert table["Parameters"]["storage.location.template"] in create_table(layout, "windlass")
    group = world.client("athena").get_work_group(WorkGroup=out["WorkgroupName"])["WorkGroup"]["Configuration"]
    assert group["ResultConfiguration"]["OutputLocation"] == f"s3://{out['ResultsBucket']}/"
    assert group["EnforceWorkGroupConfiguration"]

    world.update("clients-trail", TrailName="seen", Logging="no", KeepDays=30, ObjectArns=f"arn:aws:s3:::{world.raw}/")
    assert not trails.get_trail_status(Name="seen")["IsLogging"]
    selectors = trails.get_event_selectors(TrailName="seen")["AdvancedEventSelectors"][0]["FieldSelectors"]
    assert {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{world.raw}/"]} in selectors
    assert s3.get_bucket_lifecycle_configuration(Bucket=out["LogBucket"])["Rules"][0]["Expiration"]["Days"] == 30
    world.delete("clients-trail")
    assert trails.describe_trails()["trailList"] == []
    assert world.contents(out["LogBucket"])  # what was recorded stays
    assert glue.get_databases()["DatabaseList"] == []


def test_the_inventory_s_role_may_what_the_catalog_calls_in_every_account_of_a_stack_set(world):
    worker = f"arn:aws:iam::{world.account}:role/windlass-worker"
    asked = {"TrustedPrincipalArns": worker, "OrganizationId": "o-a1b2c3d4e5"}
    out = world.create("inventory-reader", **asked)
    facts = PolicyFacts(account=world.account)
    needed = [
        statement
        for policy in (inventory_policy, facts_policy)
        for statement in policy.statements(Settings(), facts, PolicyIdentity.OPERATOR)
    ]
    iam = world.client("iam")
    attached = iam.list_attached_role_policies(RoleName=out["RoleName"])["AttachedPolicies"]
    policies = [
        iam.get_policy_version(PolicyArn=entry["PolicyArn"], VersionId="v1")["PolicyVersion"]["Document"]
        for entry in attached
    ]
    assert set().union(*map(statements, policies)) == statements(document(needed))
    assert all(len(json.dumps(policy, separators=(",", ":"))) <= 6144 for policy in policies)
    (trust,) = world.client("iam").get_role(RoleName=out["RoleName"])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": [worker]}
    assert trust["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    session = world.client("sts").assume_role(RoleArn=out["RoleArn"], RoleSessionName="reading")["Credentials"]
    assert session["AccessKeyId"]

    world.update("inventory-reader", **asked, ExternalId="secret", MaxSessionSeconds=7200)
    (trust,) = world.client("iam").get_role(RoleName=out["RoleName"])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"]["sts:ExternalId"] == "secret"
    world.delete("inventory-reader")

    sets = world.client("cloudformation")
    sets.create_stack_set(
        StackSetName="readers",
        TemplateBody=(TEMPLATES / "inventory-reader.yaml").read_text("utf-8"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=world.parameters({"TrustedPrincipalArns": worker}),
    )
    member = World(world.url, world.folder)
    sets.create_stack_instances(StackSetName="readers", Accounts=[member.account], Regions=["us-east-1"])
    assert (
        member.client("iam").get_role(RoleName="windlass-inventory-reader")["Role"]["Arn"].split(":")[4]
        == member.account
    )
    sets.delete_stack_instances(
        StackSetName="readers", Accounts=[member.account], Regions=["us-east-1"], RetainStacks=False
    )
    sets.delete_stack_set(StackSetName="readers")
    assert member.client("iam").list_roles()["Roles"] == []
    member.close()


def test_the_worker_s_role_is_of_one_service_account_and_may_what_it_is_given(world):
    issuer = "oidc.eks.us-east-1.amazonaws.com/id/ABC123"
    asked = {
        "OidcIssuer": issuer,
        "QueueArns": f"arn:aws:sqs:us-east-1:{world.account}:a,arn:aws:sqs:us-east-1:{world.account}:b",
        "ReadObjectArns": f"arn:aws:s3:::{world.raw}/in/*",
    }
    out = world.create("worker-irsa", **asked)
    iam = world.client("iam")
    (trust,) = iam.get_role(RoleName=out["RoleName"])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::{world.account}:oidc-provider/{issuer}"}
    assert trust["Condition"] == {
        "StringEquals": {
            f"{issuer}:sub": [
                "system:serviceaccount:windlass:windlass",
                "system:serviceaccount:keda:keda-operator",
            ],
            f"{issuer}:aud": "sts.amazonaws.com",
        }
    }
    allowed = {(action, resource) for action, resource, _ in world.role(out["RoleName"])}
    assert ("sqs:ReceiveMessage", f"arn:aws:sqs:us-east-1:{world.account}:b") in allowed
    assert ("s3:GetObject", f"arn:aws:s3:::{world.raw}/in/*") in allowed
    assert not [one for one, _ in allowed if "Put" in one or "dynamodb" in one]

    world.update(
        "worker-irsa", **asked, Trust="pod-identity", ClusterName="blue", WriteObjectArns=f"arn:aws:s3:::{world.out}/*"
    )
    (trust,) = iam.get_role(RoleName=out["RoleName"])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:RequestTag/eks-cluster-arn"].endswith(":cluster/blue")
    assert ("s3:PutObject", f"arn:aws:s3:::{world.out}/*") in {entry[:2] for entry in world.role(out["RoleName"])}
    world.delete("worker-irsa")
    assert iam.list_roles()["Roles"] == []


def test_the_feed_brings_events_of_its_buckets_and_prefix_alone(world):
    s3, sqs = world.client("s3"), world.client("sqs")
    for entry in (world.raw, world.out):
        s3.put_bucket_notification_configuration(
            Bucket=entry, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    out = world.create("event-feed", SourceBuckets=world.raw, SourcePrefix="in/")
    for key in ("in/a", "elsewhere/b"):
        s3.put_object(Bucket=world.raw, Key=key, Body=b"x")
    s3.put_object(Bucket=world.out, Key="in/c", Body=b"x")

    def keys():
        got = sqs.receive_message(QueueUrl=out["QueueUrl"], MaxNumberOfMessages=10, WaitTimeSeconds=2).get(
            "Messages", []
        )
        for entry in got:
            sqs.delete_message(QueueUrl=out["QueueUrl"], ReceiptHandle=entry["ReceiptHandle"])
        return [json.loads(entry["Body"])["detail"]["object"]["key"] for entry in got]

    assert world.wait(keys, 20) == ["in/a"]
    assert keys() == []
    world.update("event-feed", SourceBuckets=f"{world.raw},{world.out}", SourcePrefix="in/", MaxReceiveCount=9)
    s3.put_object(Bucket=world.out, Key="in/c", Body=b"x")
    assert world.wait(keys, 20) == ["in/c"]
    attributes = sqs.get_queue_attributes(QueueUrl=out["QueueUrl"], AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] in (9, "9")
    assert "events.amazonaws.com" in attributes["Policy"]
    world.delete("event-feed")
    assert sqs.list_queues().get("QueueUrls", []) == []
