"""`deploy/terraform`: written as it should be, valid, and applied to the embedded AWS, used there, and destroyed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
import pytest

from tests.command import run_windlass
from tests.deploy import terraform, terraform_readme
from tests.deploy.leftovers import emptied, leftovers
from windlass.clients.athena.sql import Layout, create_table
from windlass.deploy.bundle import this_platform
from windlass.replication.model import BucketRef, Operation, Pair
from windlass.replication.setup.role import RoleScope, batch_statements, replication_statements

RUNTIME = {"runtime": f"python{sys.version_info.major}.{sys.version_info.minor}", "architecture": "x86_64"}
needs_terraform = pytest.mark.skipif(bool(terraform.MISSING), reason=terraform.MISSING or "it is here")
needs_lambda = pytest.mark.skipif(this_platform() is None, reason="this interpreter is none of Lambda's")

# Written as it should be


@pytest.mark.skipif(not terraform.PROGRAM, reason="no terraform on the PATH")
def test_formatted():
    done = subprocess.run(
        [terraform.PROGRAM, "fmt", "-check", "-recursive", "-diff", str(terraform.TREE)],
        capture_output=True,
        text=True,
        check=False,
        env={"TF_CLI_CONFIG_FILE": "/dev/null"},
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", terraform.MODULES)
def test_readmes_tell_every_input_and_output(module):
    assert terraform_readme.path_of(module).read_text("utf-8") == terraform_readme.rendered(module), (
        "run: python -m tests.deploy.terraform_readme"
    )


@pytest.mark.parametrize("module", [*terraform.MODULES, *(f"internal/{name}" for name in terraform.INTERNAL)])
def test_every_variable_and_output_says_what_it_is(module):
    for kind, attributes in (("variable", {"description", "type"}), ("output", {"description", "value"})):
        for name, fields in terraform_readme.blocks(module, kind):
            assert attributes <= fields.keys(), name
            assert fields["description"].endswith(('."', '.\\"')), f"{name}: {fields['description']}"
            if name in ("force_destroy", "manage_notification"):
                assert fields["default"] == "false", "off by default: it deletes what others put there"
            if name == "enable_eventbridge":
                assert fields["default"] == "[]"


def test_each_module_has_an_example():
    assert sorted(folder.name for folder in (terraform.TREE / "examples").iterdir()) == sorted(terraform.MODULES)


def test_the_inventory_s_role_may_read_what_is_read_and_nothing_else(tmp_path):
    text = (terraform.TREE / "modules/inventory-reader/actions.tf").read_text("utf-8")
    allowed = {
        f"{service}:{name}"
        for service, names in re.findall(r'^    "?([\w-]+)"? = \[(.*?)\]', text, re.M | re.S)
        for name in re.findall(r'"(\w+)"', names)
    }
    documents = policy(tmp_path, "inventory")  # several: one would exceed the limit of a managed policy
    documents.append(policy(tmp_path, "facts"))
    needed = [statement for document in documents for statement in document["Statement"]]
    assert allowed == {action for statement in needed for action in statement["Action"]}


def policy(folder, *arguments):
    """What `windlass policy` prints for the windlass.toml in a folder."""
    done = run_windlass(["policy", *arguments], cwd=folder, env=os.environ, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def granted(statements):
    """(action, resource) pairs, each once; of a policy's allowing statements."""

    def many(value):
        return value if isinstance(value, list) else [value]

    return {
        (action, where)
        for statement in statements
        for action in many(statement["Action"])
        for where in many(statement["Resource"])
    }


CHECKOV = shutil.which("checkov") or next((str(path) for path in Path("/tmp").glob("checkov*/bin/checkov")), None)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    CHECKOV is None, reason="checkov is not installed (pip install checkov, in an environment of its own)"
)
def test_checkov_finds_nothing_that_is_not_argued():
    done = subprocess.run(
        [CHECKOV, "-d", str(terraform.TREE), "--framework", "terraform", "--compact", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    failed = [
        (check["check_id"], check["resource"], check["file_path"]) for check in report["results"]["failed_checks"]
    ]
    assert failed == []
    assert report["summary"]["passed"] > 100
    for check in report["results"]["skipped_checks"]:
        assert len(check["check_result"]["suppress_comment"]) > 20, check["check_id"]


# Valid

EVERYTHING = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
module "pipeline" {
  source = "../modules/pipeline"
  source_bucket = "raw"
  target_bucket = "out"
  zip_path = "x.zip"
}
module "aggregator" {
  source = "../modules/aggregator"
  source_bucket = "raw"
  zip_path = "x.zip"
}
module "replication" {
  source = "../modules/replication-role"
  pairs = [{ source = "raw", destination = "copy" }]
}
module "trail" {
  source = "../modules/clients-trail"
}
module "reader" {
  source = "../modules/inventory-reader"
  trusted_principal_arns = ["arn:aws:iam::111122223333:role/collector"]
}
module "worker" {
  source = "../modules/worker-irsa"
  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/A"
  queue_arns = ["arn:aws:sqs:us-east-1:111122223333:q"]
}
module "feed" {
  source = "../modules/event-feed"
  bucket_names = ["raw"]
}
module "inventory_feed" {
  source = "../modules/inventory-feed"
}
module "inventory_feed_elsewhere" {
  source = "../modules/inventory-feed"
  home_bus_arn = module.inventory_feed.bus_arn
}
"""


@needs_terraform
def test_valid_together(tmp_path):
    assert EVERYTHING.count("source = ") >= len(terraform.MODULES)
    assert terraform.Terraform(tmp_path, "everything", files={"main.tf": EVERYTHING}).init().validate() == []


@needs_terraform
@pytest.mark.slow
@pytest.mark.parametrize(
    "root",
    [f"modules/{module}" for module in terraform.MODULES] + [f"examples/{module}" for module in terraform.MODULES],
)
def test_valid_alone(root, tmp_path):
    assert terraform.Terraform(tmp_path, root).init().validate() == []


# Applied

CONFIG = """
[estate]
regions = ["us-east-1"]
"""
PIPELINE = (
    CONFIG
    + """
[[pipeline]]
name = "uniform"
queue = "windlass-uniform-events"
source = "s3://{prefix}-raw/in/"
transform = "yaml-to-json"
target = "s3://{prefix}-uniform/{{dir}}{{stem}}.json"
on_error = "s3://{prefix}-uniform/failed/"
"""
)
AGGREGATE = (
    CONFIG
    + """
[[aggregate]]
name = "told"
queue = "windlass-aggregator-events"
key = "bucket"
window_s = 2
table = "windlass-aggregator"
timers = "windlass-aggregator-timers"
action = {{ kind = "sqs-send", queue_url = "{told}" }}
"""
)


def built(folder, name, config):
    """The zip that the command line makes."""
    (folder / "windlass.toml").write_text(config, "utf-8")
    command = ["build", "lambda", name, "--config", "windlass.toml", "--file", f"{name}.zip"]
    done = run_windlass(command, cwd=folder, env=os.environ, timeout=200)
    assert done.returncode == 0, done.stderr
    return str(folder / f"{name}.zip")


def until(check, within_s=90):
    """What `check` returns as soon as that is true."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        result = check()
        if result:
            return result
        time.sleep(0.3)
    raise AssertionError("it never came to be")


def body_of(s3, bucket, key):
    """An object's body; None while there is none."""
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def messages(sqs, url, wait_s=0):
    """The bodies of what a queue holds, taken off it."""
    bodies = []
    while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s).get("Messages", ()):
        for message in got:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


@pytest.mark.slow
def test_the_inventory_s_role_can_be_assumed_and_made_by_a_stack_set_s_template(example, client, account, embedded):
    """The quickest apply: a role and its policy."""
    iam, trusted = client("iam"), f"arn:aws:iam::{account}:role/collector"
    root = example("inventory-reader")
    outputs = root.apply(collector_role_arn=trusted)["inventory_reader"]
    assert root.plan() == ""
    assert outputs["role_arn"] == f"arn:aws:iam::{account}:role/windlass-inventory-reader"
    keys = client("sts").assume_role(RoleArn=outputs["role_arn"], RoleSessionName="windlass", ExternalId="windlass")[
        "Credentials"
    ]
    assumed = boto3.client(
        "sts",
        endpoint_url=embedded.url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert assumed.get_caller_identity()["Arn"].endswith("assumed-role/windlass-inventory-reader/windlass")
    assumed.close()
    attached = iam.list_attached_role_policies(RoleName=outputs["role_name"])["AttachedPolicies"]
    policies = [
        iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId="v1")["PolicyVersion"]["Document"]
        for policy in sorted(attached, key=lambda policy: policy["PolicyName"])
    ]
    assert all(len(json.dumps(policy, separators=(",", ":"))) <= 6144 for policy in policies)
    trust = iam.get_role(RoleName=outputs["role_name"])["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"AWS": [trusted]}
    assert trust["Statement"][0]["Condition"] == {"StringEquals": {"sts:ExternalId": "windlass"}}
    root.destroy()
    assert leftovers(client) == {}

    # The same role as CloudFormation makes it in every account of an organization.
    resources = json.loads(outputs["template_body"])["Resources"]
    assert [
        resource["Properties"]["PolicyDocument"] for name, resource in sorted(resources.items()) if name != "Role"
    ] == policies
    assert resources["Role"]["Properties"]["AssumeRolePolicyDocument"] == trust
    client("cloudformation").create_stack(
        StackName="reader", TemplateBody=outputs["template_body"], Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert iam.get_role(RoleName=outputs["role_name"])["Role"]["Arn"] == outputs["role_arn"]
    made = iam.list_attached_role_policies(RoleName=outputs["role_name"])["AttachedPolicies"]
    assert len(made) == len(policies)
    client("cloudformation").delete_stack(StackName="reader")


@needs_lambda
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_pipeline_transforms_what_lands(example, client, account, tmp_path):
    s3, sqs, prefix = client("s3"), client("sqs"), f"p{account}"
    root = example("pipeline")
    outputs = root.apply(
        prefix=prefix, zip_path=built(tmp_path, "pipeline", PIPELINE.format(prefix=prefix)), **RUNTIME
    )["pipeline"]
    s3.put_object(Bucket=outputs["source_bucket"], Key="in/a/b.yaml", Body=b"n: 1\n")
    s3.put_object(Bucket=outputs["source_bucket"], Key="in/bad.yml", Body=b"a: [1, 2\nb: }")
    s3.put_object(Bucket=outputs["source_bucket"], Key="other/c.yaml", Body=b"n: 2\n")
    assert json.loads(until(lambda: body_of(s3, outputs["target_bucket"], "a/b.json"))) == {"n": 1}
    reason = json.loads(until(lambda: body_of(s3, outputs["target_bucket"], "failed/in/bad.yml.reason.json")))
    assert reason["reason"] == "malformed"
    assert body_of(s3, outputs["target_bucket"], "c.json") is None
    assert until(lambda: client("logs").describe_log_streams(logGroupName=outputs["log_group"])["logStreams"])
    assert messages(sqs, outputs["dead_letter_queue_url"]) == []

    policy = client("iam").get_role_policy(RoleName=f"{outputs['function_name']}-us-east-1", PolicyName="windlass")[
        "PolicyDocument"
    ]["Statement"]
    needed = policy(tmp_path, "pipelines", "--for-function", outputs["function_name"], "--account", account)[
        "Statement"
    ]
    assert granted(policy) == granted(needed), "nothing missing, nothing unused"

    # As it is written in AWS: closed, encrypted, batches with partial failures.
    for bucket in (outputs["source_bucket"], outputs["target_bucket"]):
        closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert all(closed.values())
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (mapping,) = client("lambda").list_event_source_mappings(FunctionName=outputs["function_name"])[
        "EventSourceMappings"
    ]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    attributes = sqs.get_queue_attributes(QueueUrl=outputs["queue_url"], AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": outputs["dead_letter_queue_arn"],
        "maxReceiveCount": 5,
    }
    assert int(attributes["VisibilityTimeout"]) == 360

    assert root.plan() == ""
    emptied(s3, outputs["source_bucket"], outputs["target_bucket"])
    root.destroy()
    assert leftovers(client) == {}


FOREIGN = """
variable "bucket" { type = string }
variable "zip_path" { type = string }

provider "aws" {}

module "pipeline" {
  source           = "../modules/pipeline"
  name             = "windlass-uniform"
  source_bucket    = var.bucket
  target_bucket    = "${replace(var.bucket, "-raw", "")}-uniform"
  zip_path         = var.zip_path
  runtime          = "RUNTIME"
  architecture     = "x86_64"
  event_rule_names = ["windlass-uniform"]
}

module "feed" {
  source       = "../modules/event-feed"
  name         = "windlass-uniform"
  bucket_names = [var.bucket]
  key_prefixes = ["in/"]
  create_queue = false
  queue_arn    = module.pipeline.queue_arn
}

output "pipeline" { value = module.pipeline }
"""


@needs_lambda
@needs_terraform
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_entries_of_others_survive_beside_an_event_feed(embedded, client, account, tmp_path):
    """The bucket is somebody's, its queue entry too. Events reach the pipeline by EventBridge; nothing of the bucket is changed."""
    s3, sqs, prefix = client("s3"), client("sqs"), f"f{account}"
    raw, out = f"{prefix}-raw", f"{prefix}-uniform"
    for bucket in (raw, out):
        s3.create_bucket(Bucket=bucket)
    foreign_queue = sqs.create_queue(QueueName="theirs")["QueueUrl"]
    theirs_arn = sqs.get_queue_attributes(QueueUrl=foreign_queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=raw,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "theirs", "QueueArn": theirs_arn, "Events": ["s3:ObjectCreated:*"]}],
            "EventBridgeConfiguration": {},
        },
    )
    before = _notification(s3, raw)
    root = terraform.Terraform(
        tmp_path,
        "foreign",
        url=embedded.url,
        account=account,
        files={"main.tf": FOREIGN.replace("RUNTIME", RUNTIME["runtime"])},
    ).init()
    outputs = root.apply(bucket=raw, zip_path=built(tmp_path, "pipeline", PIPELINE.format(prefix=prefix)))["pipeline"]
    assert _notification(s3, raw) == before
    messages(sqs, foreign_queue)
    s3.put_object(Bucket=raw, Key="in/x.yaml", Body=b"n: 3\n")
    assert json.loads(until(lambda: body_of(s3, out, "x.json"))) == {"n": 3}
    assert [message["Records"][0]["s3"]["object"]["key"] for message in messages(sqs, foreign_queue, wait_s=1)] == [
        "in/x.yaml"
    ]
    assert outputs["notification_entries"] == [
        {
            "Id": "windlass-uniform",
            "QueueArn": outputs["queue_arn"],
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        }
    ]
    assert root.plan() == ""
    root.destroy()
    assert _notification(s3, raw) == before
    assert leftovers(client) == {"buckets": [raw, out], "queues": [foreign_queue]}


def _notification(s3, bucket):
    answer = s3.get_bucket_notification_configuration(Bucket=bucket)
    answer.pop("ResponseMetadata")
    return answer


@needs_lambda
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_aggregator_acts_once_a_window(example, client, account, embedded, tmp_path):
    s3, sqs, prefix = client("s3"), client("sqs"), f"a{account}"
    config = AGGREGATE.format(told=f"{embedded.url}/{account}/windlass-actions")
    root = example("aggregator")
    outputs = root.apply(prefix=prefix, zip_path=built(tmp_path, "aggregator", config), **RUNTIME)
    aggregator = outputs["aggregator"]
    for number in range(30):
        s3.put_object(Bucket=aggregator["source_bucket"], Key=f"f{number % 3}/o{number}", Body=b"x")
    summaries = []

    def covered():
        summaries.extend(messages(sqs, outputs["told_url"], wait_s=1))
        return sum((document.get("summary") or document)["events"] for document in summaries) >= 30

    until(covered)
    assert 1 <= len(summaries) <= 8
    ttl = client("dynamodb").describe_time_to_live(TableName=aggregator["table_name"])["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    sources = {
        mapping["EventSourceArn"].rpartition(":")[2]
        for mapping in client("lambda").list_event_source_mappings()["EventSourceMappings"]
    }
    assert sources == {aggregator["queue_name"], aggregator["timer_queue_name"]}
    timers = sqs.get_queue_attributes(QueueUrl=aggregator["timer_queue_url"], AttributeNames=["All"])["Attributes"]
    assert "RedrivePolicy" not in timers

    policy = client("iam").get_role_policy(RoleName=f"{aggregator['function_name']}-us-east-1", PolicyName="windlass")[
        "PolicyDocument"
    ]["Statement"]
    needed = policy(tmp_path, "aggregation", "--for-function", aggregator["function_name"], "--account", account)[
        "Statement"
    ]
    # The example takes completions, which the rule of this test does not wait for.
    assert granted(policy) == granted(needed) | {("dynamodb:PutItem", aggregator["table_arn"])}, (
        "nothing missing, nothing unused"
    )

    # The repair schedule and completions come from EventBridge; only these two may invoke the function.
    (schedule,) = [rule for rule in client("events").list_rules()["Rules"] if rule["Name"].endswith("-repair")]
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    callers = json.loads(client("lambda").get_policy(FunctionName=aggregator["function_name"])["Policy"])
    assert {statement["Principal"]["Service"] for statement in callers["Statement"]} == {"events.amazonaws.com"}
    assert len({json.dumps(statement["Condition"]) for statement in callers["Statement"]}) == 2
    swept = client("lambda").invoke(
        FunctionName=aggregator["function_name"], Payload=json.dumps({"detail-type": "Scheduled Event"})
    )
    assert "repaired_timers" in json.load(swept["Payload"])

    assert root.plan() == ""
    emptied(s3, aggregator["source_bucket"])
    root.destroy()
    assert leftovers(client) == {}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_feed_takes_a_bucket_s_events_and_leaves_its_entries_alone(example, client, account):
    s3, sqs, bucket = client("s3"), client("sqs"), f"e{account}-raw"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    before = _notification(s3, bucket)
    root = example("event-feed")
    outputs = root.apply(bucket_name=bucket)["feed"]
    s3.put_object(Bucket=bucket, Key="in/a", Body=b"x")
    s3.put_object(Bucket=bucket, Key="other/b", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="in/a")
    events = until(
        lambda: sorted(
            (message["detail-type"], message["detail"]["object"]["key"])
            for message in messages(sqs, outputs["queue_url"], wait_s=3)
        )
    )
    assert events == [("Object Created", "in/a"), ("Object Deleted", "in/a")]
    assert root.plan() == ""
    root.destroy()
    assert _notification(s3, bucket) == before
    assert leftovers(client) == {"buckets": [bucket]}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_replication_s_roles_are_those_that_windlass_would_make(example, client, account):
    iam = client("iam")
    root = example("replication-role")
    outputs = root.apply(source_bucket="raw", destination_bucket="copy")["replication_role"]
    assert root.plan() == ""
    raw, copy = (BucketRef(bucket=name, account_id=account, region="us-east-1") for name in ("raw", "copy"))
    pair = Pair(source=raw, destination=copy)
    place = {
        "manifest_bucket": "raw",
        "manifest_prefix": ".windlass/seed/",
        "report_bucket": "raw",
        "report_prefix": ".windlass/seed/",
    }
    expected = {
        "replication": replication_statements(pair),
        "batch": [
            *batch_statements(pair, RoleScope(operation=Operation.REPLICATE, generated=True, **place)),
            *batch_statements(pair, RoleScope(operation=Operation.COPY, generated=True, **place)),
        ],
    }
    trusted = {"replication": "s3.amazonaws.com", "batch": "batchoperations.s3.amazonaws.com"}
    assert outputs["role_names"].keys() == expected.keys()
    for kind, name in outputs["role_names"].items():
        document = iam.get_role_policy(RoleName=name, PolicyName="windlass")["PolicyDocument"]
        assert granted(document["Statement"]) == granted(expected[kind]), kind
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert [statement["Principal"] for statement in trust] == [{"Service": trusted[kind]}]
    assert outputs["replication_role_arn"].endswith(f"{account}:role/windlass-seed-replication-us-east-1")

    # S3 takes the role in a rule.
    s3 = client("s3")
    for bucket in ("raw", "copy"):
        s3.create_bucket(Bucket=f"{bucket}-{account}")
        s3.put_bucket_versioning(Bucket=f"{bucket}-{account}", VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
    }
    s3.put_bucket_replication(
        Bucket=f"raw-{account}",
        ReplicationConfiguration={
            "Role": outputs["replication_role_arn"],
            "Rules": [rule | {"Destination": {"Bucket": f"arn:aws:s3:::copy-{account}"}}],
        },
    )
    root.destroy()
    assert leftovers(client) == {"buckets": [f"copy-{account}", f"raw-{account}"]}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_trail_records_and_athena_reads_what_it_wrote(example, client, account, embedded):
    s3, bucket = client("s3"), f"seen-{account}"
    s3.create_bucket(Bucket=bucket)
    root = example("clients-trail")
    outputs = root.apply(bucket_names=[bucket])["clients_trail"]
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.get_object(Bucket=bucket, Key="a")["Body"].read()
    with urllib.request.urlopen(f"{embedded.url}/_windlass/trails", timeout=10) as answer:
        assert json.load(answer)
    logs = until(
        lambda: [content["Key"] for content in s3.list_objects_v2(Bucket=outputs["log_bucket"]).get("Contents", ())]
    )
    assert all(key.startswith(f"AWSLogs/{account}/CloudTrail") for key in logs)
    rows = _rows(
        client("athena"), outputs, f"SELECT eventname, count(*) AS n FROM {outputs['table_name']} GROUP BY 1 ORDER BY 1"
    )
    assert rows == [("GetObject", "1"), ("PutObject", "1")]

    # The table is the one that the scan makes; the log bucket takes the trail's files and nobody else's.
    table = client("glue").get_table(DatabaseName=outputs["database_name"], Name=outputs["table_name"])["Table"]
    layout = Layout(
        bucket=outputs["log_bucket"],
        prefix="AWSLogs/",
        accounts=(account,),
        regions=("us-east-1",),
        first_day="2026-11-01",
    )
    text = create_table(layout, "windlass")
    for column in table["StorageDescriptor"]["Columns"]:
        assert f"  {column['Name']} {column['Type']}" in text, column
    for name, value in table["Parameters"].items():
        if name.startswith(("projection", "storage")) and name != "projection.log_region.values":
            assert f"'{name}'='{value}'" in text
    assert client("athena").get_work_group(WorkGroup=outputs["workgroup_name"])["WorkGroup"]["Configuration"][
        "EnforceWorkGroupConfiguration"
    ]
    assert client("cloudtrail").get_trail_status(Name=outputs["trail_arn"])["IsLogging"]

    assert root.plan() == ""
    emptied(s3, outputs["log_bucket"], outputs["results_bucket"])
    root.destroy()
    assert leftovers(client) == {"buckets": [bucket]}


def _rows(athena, outputs, query):
    started = athena.start_query_execution(
        QueryString=query,
        WorkGroup=outputs["workgroup_name"],
        QueryExecutionContext={"Database": outputs["database_name"]},
    )["QueryExecutionId"]

    def over():
        execution = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
        return execution if execution["Status"]["State"] not in ("QUEUED", "RUNNING") else None

    done = until(over)
    assert done["Status"]["State"] == "SUCCEEDED", done
    assert done["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{outputs['results_bucket']}/")
    rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    return [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in rows[1:]]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_s_role_is_its_service_account_s_alone(example, client, account):
    iam, issuer = client("iam"), "oidc.eks.us-east-1.amazonaws.com/id/ABC"
    root = example("worker-irsa")
    queue = f"arn:aws:sqs:us-east-1:{account}:events"
    outputs = root.apply(
        oidc_provider_arn=f"arn:aws:iam::{account}:oidc-provider/{issuer}",
        queue_arn=queue,
        source_bucket="raw",
        target_bucket="out",
    )
    assert root.plan() == ""
    worker, other = outputs["worker"], outputs["worker_pod_identity"]
    statements = iam.get_role(RoleName=worker["role_name"])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    subjects = ["system:serviceaccount:windlass:worker", "system:serviceaccount:keda:keda-operator"]
    for trust, subject in zip(statements, subjects, strict=True):
        assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert trust["Condition"]["StringEquals"] == {f"{issuer}:sub": subject, f"{issuer}:aud": "sts.amazonaws.com"}
    (trust,) = iam.get_role(RoleName=other["role_name"])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert set(trust["Action"]) == {"sts:AssumeRole", "sts:TagSession"}
    assert trust["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "worker"
    assert worker["service_account_annotations"] == {"eks.amazonaws.com/role-arn": worker["role_arn"]}
    may = granted(
        iam.get_role_policy(RoleName=worker["role_name"], PolicyName="windlass")["PolicyDocument"]["Statement"]
    )
    assert ("sqs:DeleteMessage", queue) in may
    assert ("s3:PutObject", "arn:aws:s3:::out/*") in may
    assert ("s3:PutObject", "arn:aws:s3:::raw/in/*") not in may
    assert not any("*" in action for action, _ in may)
    keys = client("sts").assume_role_with_web_identity(
        RoleArn=worker["role_arn"], RoleSessionName="pod", WebIdentityToken="a.b.c"
    )["Credentials"]
    assert keys["SessionToken"]

    # What makes no sense is refused before anything is asked of AWS.
    assert "irsa needs oidc_provider_arn" in root.refused(
        oidc_provider_arn="here", queue_arn=queue, source_bucket="raw", target_bucket="out"
    )
    root.variables = {
        "oidc_provider_arn": f"arn:aws:iam::{account}:oidc-provider/{issuer}",
        "queue_arn": queue,
        "source_bucket": "raw",
        "target_bucket": "out",
    }
    root.destroy()
    assert leftovers(client) == {}


@needs_terraform
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_option_applies_and_changes_nothing_when_applied_again(embedded, client, account, tmp_path):
    """What the examples leave alone: KMS keys, access logs, zips in S3, Pod Identity, a StackSet, replicas of others."""
    s3, prefix = client("s3"), f"o{account}"
    client("eks").create_cluster(
        name="main", roleArn=f"arn:aws:iam::{account}:role/eks", resourcesVpcConfig={"subnetIds": []}
    )
    text = (Path(__file__).parent / "options.tf").read_text("utf-8")
    root = terraform.Terraform(tmp_path, "options", url=embedded.url, account=account, files={"main.tf": text})
    with zipfile.ZipFile(root.root / "function.zip", "w") as archive:
        archive.writestr("main.py", "")
    outputs = root.init().apply(prefix=prefix, cluster_name="main")
    assert root.plan() == ""
    (association,) = client("eks").list_pod_identity_associations(clusterName="main")["associations"]
    assert (association["namespace"], association["serviceAccount"]) == ("windlass", "windlass")
    (policy_json,) = outputs["agreements"].values()
    assert "s3:ReplicateDelete" in policy_json
    encryption = s3.get_bucket_encryption(Bucket=f"{prefix}-raw")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    emptied(s3, f"{prefix}-raw", f"{prefix}-out")
    root.destroy()
    assert leftovers(client) == {}
