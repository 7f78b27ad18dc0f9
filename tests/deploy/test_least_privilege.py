"""Least privilege, proved: each capability does its work on the embedded AWS, and its calls are compared with its policy."""

import contextlib
import json
import threading
import time

import pytest

from lambda_functions import zipped
from tests.deploy.proving import FAST, World, assert_least, settings_of, statements_of
from tests.replication.direct.local import Aws, copy_pair
from windlass.deploy.policy import PolicyIdentity
from windlass.deploy.policy_check import check, needs_of
from windlass.estate.service import open_estate
from windlass.functions.runtime import visibility_setter
from windlass.replication.model import BucketRef, Pair
from windlass_local.server import LocalServer

pytestmark = pytest.mark.timeout(280)

BY_LAMBDA = "Lambda itself does it, with the function's role"
ON_FAILURE = "only when a write breaks off"
SLOW = "only when a message takes long, or comes again"
NO_TAGS = "S3 judges it within the copy when the object has tags; the call is the copy"


@pytest.fixture(scope="module")
def aws():
    with LocalServer(cache_node_s=0.05) as server:
        yield server


@pytest.fixture
def world(aws, tmp_path):
    new_world = World(aws.url, tmp_path)
    yield new_world
    new_world.close()


PIPELINES = """
[[pipeline]]
name = "packed"
queue = "events"
source = "s3://raw-{account}/in/"
transform = "gzip"
target = "s3://out-{account}/packed/{key}.gz"
tags = "keep"
mirror_deletes = true
part_bytes = 5_242_880
[[pipeline]]
name = "opened"
queue = "events"
source = "s3://raw-{account}/zipped/"
transform = "gunzip"
target = "s3://out-{account}/opened/{key}"
on_error = "s3://out-{account}/failed/"
"""
COPIED = {
    "WriteTargets s3:AbortMultipartUpload": ON_FAILURE,
    "FindTargets2 s3:ListBucket": "only when an output goes while it is looked at",
    "KeepRefused s3:PutObjectTagging": NO_TAGS,
    "ReadRefusedTags s3:GetObjectTagging": NO_TAGS,
    "ReadTags s3:GetObjectVersionTagging": "only in buckets with versions",
}


def _pipelines(world):
    for name in ("raw", "out"):
        world["s3"].create_bucket(Bucket=f"{name}-{world.account}")
    world.queue("events-dlq")
    world.queue("events", dead="events-dlq")
    world.notify(f"raw-{world.account}", "events")
    world.configure(PIPELINES)


def _feed(world):
    import os

    raw, out = f"raw-{world.account}", f"out-{world.account}"
    world["s3"].put_object(Bucket=raw, Key="in/a", Body=b"a", Tagging="team=web")
    world["s3"].put_object(Bucket=raw, Key="in/large", Body=os.urandom(11 << 20))
    world["s3"].put_object(Bucket=raw, Key="zipped/broken", Body=b"this is no gzip", Tagging="team=web")
    world.until(
        lambda: (
            {"packed/in/a.gz", "packed/in/large.gz", "failed/zipped/broken", "failed/zipped/broken.reason.json"}
            <= set(world.keys(out))
        )
    )
    world["s3"].put_object(Bucket=raw, Key="in/a", Body=b"b", Tagging="team=web")
    world["s3"].delete_object(Bucket=raw, Key="in/large")
    world.until(lambda: "packed/in/large.gz" not in world.keys(out))


def test_pipelines_as_a_worker(world):
    _pipelines(world)
    world["s3"].put_object(Bucket=f"raw-{world.account}", Key="in/gone", Body=b"gone before it was seen")
    world["s3"].delete_object(Bucket=f"raw-{world.account}", Key="in/gone")
    with world.running("pipeline", "run", *FAST):
        _feed(world)
        url = world["sqs"].get_queue_url(QueueName="events")["QueueUrl"]
        world["sqs"].send_message(QueueUrl=url, MessageBody="no event at all")
        dead = world["sqs"].get_queue_url(QueueName="events-dlq")["QueueUrl"]
        world.until(lambda: world["sqs"].receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"))
    assert_least(
        world,
        "pipelines",
        PolicyIdentity.WORKER,
        {
            **COPIED,
            "Consume sqs:ChangeMessageVisibility": SLOW,
        },
    )


def _function(world, handler, *queues, files=None):
    """A function of the windlass.toml at hand (its code is this checkout's), fed by these queues."""
    role = world["iam"].create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    config = (world.folder / "windlass.toml").read_text("utf-8").replace("endpoint_url", "# endpoint_url")
    world["lambda"].create_function(
        FunctionName="function",
        Runtime="python3.12",
        Handler=handler,
        Role=role,
        Timeout=20,
        MemorySize=1024,
        Code={"ZipFile": zipped({"windlass.toml": config} | (files or {}))},
    )
    for name in queues:
        world["lambda"].create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:us-east-1:{world.account}:{name}",
            FunctionName="function",
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )


TAKEN = {f"Consume sqs:{action}": BY_LAMBDA for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")}
LOGGED = {f"Log logs:{action}": BY_LAMBDA for action in ("CreateLogStream", "PutLogEvents")}


def test_pipelines_as_a_function(world):
    _pipelines(world)
    _function(world, "windlass.functions.pipeline.handler", "events")
    _feed(world)
    assert_least(
        world,
        "pipelines",
        PolicyIdentity.FUNCTION,
        {
            **TAKEN,
            **LOGGED,
            **COPIED,
            "Consume sqs:ChangeMessageVisibility": BY_LAMBDA,
            "FindQueue sqs:GetQueueUrl": "only when another function works on the same output",
            "FindTargets s3:ListBucket": "only when an output goes while it is looked at",
        },
        function="function",
    )


CONSUMERS = """
[[consume]]
name = "orders"
queue = "orders"
handler = "hand:handle"
unwrap = ["s3"]
payload_bucket = "large-{account}"
delete_payload = true
idempotency = "dynamodb"
idempotency_table = "done"
"""
HAND = """
from windlass.queues.model import Reject, RetryLater
FAILED = set()

def handle(message):
    if message.body == "bad":
        raise Reject("it is bad")
    if message.body == "later" and message.message_id not in FAILED:
        FAILED.add(message.message_id)
        raise RetryLater(1)
"""


def _consumers(world):
    dead, url = world.queue("orders-dlq"), None
    url = world.queue("orders", dead="orders-dlq")
    world["s3"].create_bucket(Bucket=f"large-{world.account}")
    world["s3"].put_object(Bucket=f"large-{world.account}", Key="payload", Body=b"large")
    world.table("done")
    world.configure(CONSUMERS.format(account=world.account))
    (world.folder / "hand.py").write_text(HAND, "utf-8")
    return url, dead


def _consume(world, url, dead, *, worker=True):
    pointer = [
        "software.amazon.payloadoffloading.PayloadS3Pointer",
        {"s3BucketName": f"large-{world.account}", "s3Key": "payload"},
    ]
    for body in ("fine", "bad", "later", json.dumps(pointer)):
        more = {"ExtendedPayloadSize": {"DataType": "Number", "StringValue": "5"}} if body.startswith("[") else {}
        world["sqs"].send_message(QueueUrl=url, MessageBody=body, MessageAttributes=more)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left():
        attributes = world["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in attributes.values())

    with world.running("consume", "orders", *FAST) if worker else contextlib.nullcontext():
        world.until(lambda: world["sqs"].receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"))
        world.until(lambda: not left())
        world.until(lambda: not world.keys(f"large-{world.account}"))


REMEMBERED = {
    "Remember dynamodb:GetItem": "only when a message comes again while its first delivery is remembered as under way or done"
}


def test_queues_as_a_worker(world):
    url, dead = _consumers(world)
    _consume(world, url, dead)
    assert_least(world, "queues", PolicyIdentity.WORKER, REMEMBERED)


def test_queues_as_a_function(world):
    url, dead = _consumers(world)
    _function(world, "windlass.functions.consume.handler", "orders", files={"hand.py": HAND})
    _consume(world, url, dead, worker=False)
    taken = {"Consume sqs:ReceiveMessage": BY_LAMBDA}
    assert_least(world, "queues", PolicyIdentity.FUNCTION, {**taken, **LOGGED, **REMEMBERED}, function="function")


def test_queues_as_an_operator(world):
    url, dead = _consumers(world)
    _consume(world, url, dead)
    world["sqs"].send_message(QueueUrl=dead, MessageBody="again")
    world.say("queue", "list")
    world.say("queue", "send", "orders", "hello")
    world.say("queue", "peek", "orders")
    world.say("queue", "dlq", "redrive", "orders", "--to", "orders", "--yes")
    world.say("queue", "drain", "orders", "--file", "kept.jsonl", "--yes")
    world.say("queue", "dlq", "purge", "orders", "--yes")
    world.say("queue", "stats", "orders")
    assert_least(world, "queues", PolicyIdentity.OPERATOR, REMEMBERED)


RULES = """
[[aggregate]]
name = "told"
queue = "drops"
key = "bucket"
window_s = 1
table = "agg"
timers = "agg-timers"
action = { kind = "sns-publish", topic_arn = "arn:aws:sns:us-east-1:{account}:windows" }
[[aggregate]]
name = "sent"
queue = "drops"
key = "bucket"
window_s = 1
table = "agg"
timers = "agg-timers"
action = { kind = "sqs-send", queue_url = "{url}/{account}/told" }
[[aggregate]]
name = "called"
queue = "drops"
key = "bucket"
window_s = 1
table = "agg"
timers = "agg-timers"
action = { kind = "lambda-invoke", function = "seen" }
[[aggregate]]
name = "fresh"
queue = "drops"
key = "bucket"
window_s = 1
table = "agg"
timers = "agg-timers"
strict = true
action = { kind = "storage-gateway-refresh" }
"""


def _rules(world):
    for name in ("drops-dlq", "told"):
        world.queue(name)
    world.queue("drops", dead="drops-dlq")
    world["sns"].create_topic(Name="windows")
    role = world["iam"].create_role(RoleName="seen", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    world["lambda"].create_function(
        FunctionName="seen",
        Runtime="python3.12",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": "def handler(event, context):\n    return 1\n"})},
    )
    bucket = f"drop-{world.account}"
    world["s3"].create_bucket(Bucket=bucket)
    world.notify(bucket, "drops")
    gateway = _gateway(world)
    for kind in ("nfs", "smb"):
        create = getattr(world["storagegateway"], f"create_{kind}_file_share")
        create(ClientToken=f"token-{kind}", GatewayARN=gateway, Role=role, LocationARN=f"arn:aws:s3:::{bucket}")
    world.configure(RULES.replace("{url}", world.url))
    return bucket


def _gateway(world):
    return world["storagegateway"].activate_gateway(
        ActivationKey="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        GatewayName="gateway",
        GatewayTimezone="GMT",
        GatewayRegion="us-east-1",
        GatewayType="FILE_S3",
    )["GatewayARN"]


def test_aggregation_as_an_operator_with_a_worker(world):
    bucket = _rules(world)
    world.say("aggregate", "init", "told")
    with world.running("aggregate", "run", *FAST):
        for number in range(5):
            world["s3"].put_object(Bucket=bucket, Key=f"folder/{number}", Body=b"x")
        url = world["sqs"].get_queue_url(QueueName="drops")["QueueUrl"]
        world["sqs"].send_message(QueueUrl=url, MessageBody="no event at all")
        operations = {"Publish", "SendMessage", "Invoke", "RefreshCache", "GetRole"}
        world.until(lambda: operations <= {call["operation"] for call in world.calls()}, 90)
        dead = world["sqs"].get_queue_url(QueueName="drops-dlq")["QueueUrl"]
        world.until(lambda: world["sqs"].receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"))
        time.sleep(1)
    world.say("aggregate", "repair-timers")
    assert_least(
        world,
        "aggregation",
        PolicyIdentity.OPERATOR,
        {"Consume sqs:ChangeMessageVisibility": SLOW, "Consume2 sqs:ChangeMessageVisibility": SLOW},
    )


INVALIDATED = """
[[aggregate]]
name = "pages"
queue = "drops"
key = "bucket"
window_s = 1
table = "agg"
timers = "agg-timers"
strict = true
strict_s = 60
repair_interval_s = 1
action = {{ kind = "cloudfront-invalidate", distribution_id = "{0}" }}
"""


def test_aggregation_as_a_worker_that_invalidates(world):
    bucket = f"drop-{world.account}"
    origin = {"Id": "o", "DomainName": f"{bucket}.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    behaviour = {
        "TargetOriginId": "o",
        "ViewerProtocolPolicy": "allow-all",
        "MinTTL": 0,
        "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
    }
    operations_needed = {
        "CallerReference": "w",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behaviour,
    }
    distribution = world["cloudfront"].create_distribution(DistributionConfig=operations_needed)["Distribution"]["Id"]
    dead = world.queue("drops-dlq")
    url = world.queue("drops", dead="drops-dlq")
    world.queue("agg-timers")
    world.table("agg")
    world["s3"].create_bucket(Bucket=bucket)
    world.notify(bucket, "drops")
    world.configure(INVALIDATED.format(distribution))
    with world.running("aggregate", "run", *FAST):
        world["s3"].put_object(Bucket=bucket, Key="page.html", Body=b"x")
        world["sqs"].send_message(QueueUrl=url, MessageBody="no event at all")
        operations = {"CreateInvalidation", "Scan"}
        world.until(lambda: operations <= {call["operation"] for call in world.calls()}, 90)
        world.until(lambda: world["sqs"].receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"))
        time.sleep(1)
    assert_least(
        world,
        "aggregation",
        PolicyIdentity.WORKER,
        {
            "Consume sqs:ChangeMessageVisibility": SLOW,
            "Consume2 sqs:ChangeMessageVisibility": SLOW,
            "Keys dynamodb:PutItem": "only when a completion may be told: CloudFront tells none",
        },
    )


def test_aggregation_as_a_function(world):
    bucket = _rules(world)
    world.say("aggregate", "init", "told")
    world.forget()
    _function(world, "windlass.functions.aggregate.handler", "drops", "agg-timers")
    for number in range(5):
        world["s3"].put_object(Bucket=bucket, Key=f"folder/{number}", Body=b"x")
    operations = {"Publish", "SendMessage", "Invoke", "RefreshCache", "GetRole"}
    world.until(lambda: operations <= {call["operation"] for call in world.calls()}, 90)
    swept = world["lambda"].invoke(FunctionName="function", Payload=json.dumps({"detail-type": "Scheduled Event"}))
    assert "repaired_timers" in json.load(swept["Payload"])
    unused = [
        *(f"{sid} sqs:{action}" for sid in ("Consume", "Consume2") for action in ("ReceiveMessage", "DeleteMessage")),
        "Consume sqs:GetQueueAttributes",
        "Consume sqs:ChangeMessageVisibility",
    ]
    assert_least(
        world,
        "aggregation",
        PolicyIdentity.FUNCTION,
        {
            **dict.fromkeys(unused, BY_LAMBDA),
            **LOGGED,
            "Consume2 sqs:ChangeMessageVisibility": "only when a timer comes before its time",
        },
        function="function",
    )


def test_memcached_as_an_operator(world):
    world.configure("[memcached]\npoll_s = 0.05\n")
    place = ("-r", "us-east-1", "--yes", "--watch")
    world.say(
        "memcached", "create", "web", "--nodes", "2", "--node-type", "cache.t4g.micro", "--tag", "team=web", *place
    )
    world.say("memcached", "scale", "web", "--to", "3", "--yes", "--watch")
    world.say("memcached", "delete", "web", "--yes", "--watch")
    assert_least(
        world,
        "memcached",
        PolicyIdentity.OPERATOR,
        {"SeeQuotas servicequotas:GetAWSDefaultServiceQuota": "only where the applied quota may not be read"},
    )


def test_memcached_as_a_worker_can_look_and_plan_only(world):
    world["elasticache"].create_cache_cluster(
        CacheClusterId="web", Engine="memcached", NumCacheNodes=2, CacheNodeType="cache.t4g.micro"
    )
    world.configure("")
    world.until(
        lambda: world["elasticache"].describe_cache_clusters()["CacheClusters"][0]["CacheClusterStatus"] == "available"
    )
    world.say("memcached", "list")
    world.say("memcached", "scale", "web", "--to", "3", "--dry-run")
    assert_least(
        world,
        "memcached",
        PolicyIdentity.WORKER,
        {"SeeQuotas servicequotas:GetAWSDefaultServiceQuota": "only where the applied quota may not be read"},
    )


def _managed_node(world):
    """An instance whose agent reported packages, and patches."""
    times = {"OperationStartTime": "2026-11-01T09:00:00Z", "OperationEndTime": "2026-11-01T09:05:00Z"}
    content = {
        "AWS:InstanceInformation": {"ComputerName": "web", "PlatformName": "Ubuntu", "PlatformType": "Linux"},
        "AWS:Application": {"Name": "openssl", "Version": "3.0.13-1"},
        "AWS:PatchSummary": {"BaselineId": "pb-0123456789abcdef0", "OperationType": "Scan", **times},
    }
    instance = world["ec2"].run_instances(ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1)["Instances"][0]
    items = [
        {"TypeName": name, "SchemaVersion": "1.0", "CaptureTime": "2026-11-01T10:00:00Z", "Content": [row]}
        for name, row in content.items()
    ]
    world["ssm"].put_inventory(InstanceId=instance["InstanceId"], Items=items)


def test_facts_as_a_worker(world):
    _managed_node(world)
    bucket = f"sync-{world.account}"
    world.configure(f'[facts]\nsync_locations = ["s3://{bucket}/inventory/"]\n')
    where = f"accountid={world.account}/region=us-east-1/resourcetype=ManagedInstanceInventory"
    world["s3"].create_bucket(Bucket=bucket)
    key = f"inventory/AWS:InstanceInformation/{where}/i-0123456789abcdef0.json"
    world["s3"].put_object(Bucket=bucket, Key=key, Body=b'{"PlatformName": "Ubuntu"}')
    world.say("facts", "collect", "-q")
    world.say("facts", "import", "--from", "ssm", f"s3://{bucket}/inventory/", "-q")
    assert_least(world, "facts", PolicyIdentity.WORKER, {})


def _logs(world):
    from tests.clients.logs import file_bytes, log_path, record

    name = log_path(world.folder / "logs", 1).relative_to(world.folder / "logs").as_posix()
    world["s3"].create_bucket(Bucket=f"logs-{world.account}")
    world["s3"].create_bucket(Bucket=f"asked-{world.account}")
    world["s3"].put_object(Bucket=f"logs-{world.account}", Key=name, Body=file_bytes([record()]))
    return f"s3://logs-{world.account}/AWSLogs/"


def test_clients_as_a_worker(world):
    pytest.importorskip("duckdb")
    place = _logs(world)
    world.configure('[clients]\nathena_output = "s3://asked-{account}/answers/"\n')
    world.say("clients", "scan", place)
    world.say("clients", "scan", place, "--athena", "--since", "2026-11-01", "--fresh")
    by_athena = "Athena itself does it, as the caller"
    assert_least(
        world,
        "clients",
        PolicyIdentity.WORKER,
        {
            **{
                f"Catalog glue:{action}": by_athena
                for action in (
                    "GetDatabase",
                    "CreateDatabase",
                    "GetTable",
                    "CreateTable",
                    "UpdateTable",
                    "GetPartitions",
                )
            },
            **{
                f"Results s3:{action}": by_athena
                for action in ("PutObject", "AbortMultipartUpload", "ListMultipartUploadParts")
            },
            "ResultsPlace s3:GetBucketLocation": by_athena,
            "ResultsPlace s3:ListBucketMultipartUploads": by_athena,
            "Ask athena:StopQueryExecution": "only when a scan is interrupted",
        },
        logs=[place],
    )


def test_clients_as_an_operator(world):
    place = _logs(world)
    world["s3"].put_bucket_metrics_configuration(
        Bucket=f"logs-{world.account}", Id="all", MetricsConfiguration={"Id": "all"}
    )
    world.configure("")
    world.say("clients", "scan", place)
    world.say("clients", "trail", "enable", "--yes")
    world.say("clients", "trail", "status")
    world.say("clients", "trail", "disable", "--yes")
    assert_least(world, "clients", PolicyIdentity.OPERATOR, {}, logs=[place])


SETS = """
[replication]
poll_s = 0.05
canary_poll_s = 0.05
canary_timeout_s = 30
role_propagation_s = 0
[[replicate]]
name = "set"
pairs = [["from-{account}", "to-{account}"]]
"""


DEPLOYED = """
[[pipeline]]
name = "pipeline"
source = "s3://raw-{account}/in/"
transform = "gzip"
target = "s3://raw-{account}/out/{key}.gz"
[[aggregate]]
name = "aggregator"
queue = "drops"
table = "agg"
timers = "agg-timers"
buckets = ["raw-{account}"]
prefixes = ["drop/"]
key = "bucket"
strict = true
action = { kind = "storage-gateway-refresh" }
"""
AUDIT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EMR = {
    "Steps",
    "StartRuns",
    "FollowRuns",
    "PassExecutionRole",
    "MakeClusters",
    "FollowClusters",
    "PassServiceRole",
    "PassInstanceRole",
}
EMR_OF = {"cluster": {"Steps"}, "application": {"StartRuns", "FollowRuns", "PassExecutionRole"}}
BATCHES = {
    **{
        f"{sid} s3:{action}": "only when objects are copied directly"
        for sid, action in (
            ("ReadForCopies", "GetObjectTagging"),
            ("WriteCopies", "PutObjectTagging"),
            ("WriteCopies", "AbortMultipartUpload"),
            ("Share", "DeleteObject"),
        )
    },
    "Work s3:AbortMultipartUpload": "only when writing a manifest breaks off",
    "SwitchOn s3:PutBucketPolicy": "only when the other bucket is another account's",
    "AttachedPolicies iam:GetPolicy": "only when a role is named that has managed policies",
    "AttachedPolicies iam:GetPolicyVersion": "only when a role is named that has managed policies",
    "LookAtKeys kms:DescribeKey": "only when a bucket is encrypted with a customer's key",
    "LookAtKeys kms:GetKeyPolicy": "only when a bucket is encrypted with a customer's key",
}
BATCH_SIDS = ("SwitchOn", "FindJobs", "Jobs", "Work", "Roles", "AttachedPolicies", "PassRoles")


def _bucket_names(world):
    for name in ("from", "to"):
        world["s3"].create_bucket(Bucket=f"{name}-{world.account}")
        world["s3"].put_object(Bucket=f"{name}-{world.account}", Key="kept", Body=b"before")


def _policy(world):
    return statements_of(settings_of(world.folder), "replication", PolicyIdentity.OPERATOR)


def test_replication_by_batch_jobs(world):
    """Replication is switched on and proved, a job waits for its confirmation, another copies, AWS is asked for its jobs."""
    _bucket_names(world)
    world["s3"].put_object(Bucket=f"from-{world.account}", Key="a", Body=b"a", Tagging="team=web")
    world.configure(SETS)
    world.say("replicate", "seed", "--set", "set", "--method", "batch", "--enable-versioning", "--confirm", "-q")
    (seed,) = json.loads(world.say("replicate", "status", "-o", "json").stdout)
    world.say("replicate", "resume", seed["seed_id"], "-q")
    world.say(
        "replicate", "seed", "--set", "set", "--method", "batch", "--operation", "copy", "--include-in-sync", "-q"
    )
    for file in world.folder.glob("w.db*"):
        file.unlink()  # who has no store finds the jobs by their tags
    assert json.loads(world.say("replicate", "status", "--find", "-o", "json").stdout)
    assert_least(world, "replication", PolicyIdentity.OPERATOR, BATCHES)


def test_replication_by_direct_copies(world):
    """Shared and joined, in parts with tags, broken off in the middle, verified by checksums and content."""
    _bucket_names(world)
    source, target = (f"{name}-{world.account}" for name in ("from", "to"))
    world["s3"].put_object(Bucket=source, Key="small", Body=b"a", Tagging="team=web")
    world.configure(SETS)
    world.say(
        "replicate",
        "seed",
        "--set",
        "set",
        "--method",
        "direct",
        "--operation",
        "copy",
        "--no-switch-on",
        "--distributed",
        "-q",
    )
    world["s3"].put_object(Bucket=source, Key="large", Body=bytes(11 << 20), Tagging="team=web")
    world["s3"].put_object(Bucket=target, Key="small", Body=b"b")  # of one size: what it is must be looked at
    _in_parts(world, source, target, moved=1)
    world["s3"].put_object(Bucket=source, Key="large", Body=bytes(12 << 20))
    with world.fault(
        {"kind": "error", "service": "s3", "operation": "UploadPartCopy", "status": 403, "code": "AccessDenied"}
    ):
        _in_parts(world, source, target, moved=0)
    world.say("replicate", "verify", "--set", "set", "--compare", "checksum", "--sample", "5", code=1)
    verdict = check(world.calls(), _policy(world))
    assert not verdict.missing
    expected_sids = {"Count", "FindBuckets", "Look", "Canary", "LookAtKeys", *BATCH_SIDS}
    assert [pair for pair in verdict.unused if pair[0] not in expected_sids] == []
    assert {"s3:PutObject", "s3:GetObject"} <= {need.action for call in world.calls() for need in needs_of(call)}


IMPLIED = {
    "s3:GetObjectRetention",
    "s3:GetObjectLegalHold",  # without them a HEAD shows no lock
    "s3:PutObjectAcl",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",  # headers of the copy itself
}


def test_replication_of_versions_with_what_they_carry(world):
    """Histories with markers, ACLs and locks, and a version in parts."""
    source, target = (f"{name}-{world.account}" for name in ("from", "to"))
    for bucket in (source, target):
        world["s3"].create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True, ObjectOwnership="ObjectWriter")
        world["s3"].delete_public_access_block(Bucket=bucket)
    for body in (b"1", b"22"):
        world["s3"].put_object(
            Bucket=source, Key="key", Body=body, Tagging="team=web", ACL="public-read", ObjectLockLegalHoldStatus="ON"
        )
    world["s3"].delete_object(Bucket=source, Key="key")
    world.configure(SETS + 'preserve = ["acl", "lock"]\n')
    words = ("--method", "direct", "--operation", "copy", "--no-switch-on")
    world.say("replicate", "seed", "--set", "set", *words, "--versions", "-q")
    world["s3"].put_object(Bucket=source, Key="plain", Body=b"a", ACL="public-read")
    world.say("replicate", "seed", "--set", "set", *words, "-q")
    world["s3"].put_object(Bucket=source, Key="large", Body=bytes(11 << 20), Tagging="team=web")
    _in_parts(world, source, target, moved=1, versions=True)
    every = statements_of(settings_of(world.folder), "replication", PolicyIdentity.OPERATOR, versions=True)
    verdict = check(world.calls(), every)
    assert not verdict.missing
    own_sids = {"ReadForCopies", "WriteCopies", "Markers", "OwnersOfCopies"}
    unused = {action for sid, action in verdict.unused if sid in own_sids}
    # Of direct copies alone: tags of current versions in parts, and uploads that break off (the test above).
    assert unused == IMPLIED | {"s3:GetObjectTagging", "s3:AbortMultipartUpload"}
    assert check(world.calls(), _policy(world)).missing, "without --versions it is a policy for less"


def _in_parts(world, source, target, *, moved, versions=False):
    """The engine itself, as `seed` uses it, with a limit that makes a large object of 11 MB."""
    aws = Aws(world.url, world.account)
    pair = Pair(
        source=BucketRef(bucket=source, account_id=world.account, region="us-east-1"),
        destination=BucketRef(bucket=target, account_id=world.account, region="us-east-1"),
    )
    engine = aws.engine(world.folder / f"journals-{moved}", largest_bytes=10 << 20, part_bytes=5 << 20)
    done = copy_pair(
        engine, pair, seed_id="parts", versions=versions, stop=threading.Event(), on_progress=lambda _: None
    )
    assert done.copied == moved
    aws.close()


def test_replication_by_emr(world):
    for name in ("from", "to"):
        world["s3"].create_bucket(Bucket=f"{name}-{world.account}")
    world["s3"].put_object(Bucket=f"from-{world.account}", Key="a", Body=b"a")
    world.configure(SETS + 'method = "emr"\noperation = "copy"\n')
    emr = world["emr"]
    cluster = emr.run_job_flow(
        Name="theirs",
        ReleaseLabel="emr-7.9.0",
        JobFlowRole="r",
        ServiceRole="s",
        Instances={"MasterInstanceType": "m6g.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    )["JobFlowId"]
    application = world["emr-serverless"].create_application(
        name="theirs", releaseLabel="emr-7.9.0", type="SPARK", clientToken="t"
    )["applicationId"]
    role = f"arn:aws:iam::{world.account}:role/spark"
    # The embedded AWS's Spark jobs end at once, and have copied nothing; its clusters never end.
    by_spark = ("--application", application, "--execution-role", role)
    for words, code in ((("--cluster", cluster), 0), (by_spark, 1), (("--transient",), 0)):
        world.say("replicate", "seed", "--set", "set", "--detach", "-q", *words, code=code)
        world.say("replicate", "status")
    every = statements_of(settings_of(world.folder), "replication", PolicyIdentity.OPERATOR)
    verdict = check(world.calls(), every)
    assert not verdict.missing
    assert [pair for pair in verdict.unused if pair[0] in EMR] == []
    # Told which, the policy is for that cluster or application alone.
    for facts in ({"cluster": cluster}, {"application": application, "execution_role": role}):
        narrow = statements_of(settings_of(world.folder), "replication", PolicyIdentity.OPERATOR, **facts)
        assert {statement.sid for statement in narrow} & EMR == EMR_OF[next(iter(facts))]
        verdict = check(world.calls(), narrow)
        assert [pair for pair in verdict.unused if pair[0] in EMR] == []
        assert verdict.missing


def test_deployments_as_an_operator(world):
    world["s3"].create_bucket(Bucket=f"raw-{world.account}")
    world.configure(DEPLOYED)
    code = world.folder / "function.zip"
    config = (world.folder / "windlass.toml").read_text("utf-8")
    code.write_bytes(zipped({"main.py": "", "windlass.toml": config}))
    for kind in ("pipeline", "aggregator"):
        world.say("deploy", "create", kind, kind, "--zip", "function.zip")
    # Everything differs: the code, every number that can be given, whom the role trusts.
    code.write_bytes(zipped({"main.py": "changed = True", "windlass.toml": config}))
    foreign_policy = world["iam"].create_policy(PolicyName="audit", PolicyDocument=json.dumps(AUDIT))["Policy"]["Arn"]
    for kind in ("pipeline", "aggregator"):
        world["iam"].update_assume_role_policy(RoleName=f"windlass-{kind}-us-east-1", PolicyDocument=json.dumps(TRUST))
        world["iam"].attach_role_policy(RoleName=f"windlass-{kind}-us-east-1", PolicyArn=foreign_policy)
        more = ("--timeout", "70s", "--concurrency", "4", "--via", "eventbridge")
        world.say("deploy", "create", kind, kind, "--zip", "function.zip", *more)
        world.say("deploy", "status", kind, kind)
        world.say("deploy", "delete", kind, kind, "--yes", "--force")
    assert_least(world, "deploy", PolicyIdentity.OPERATOR, {})


def test_inventory_as_a_worker(world):
    """Of few types, with nothing unused; tests/e2e/test_demo.py proves it for all."""
    world["s3"].create_bucket(Bucket=f"one-{world.account}")
    world.queue("one")
    world["sns"].create_topic(Name="one")
    world.configure('[inventory]\ntypes = ["s3.bucket", "sqs.*", "sns.*"]\n')
    world.say("inventory", "collect", "-q")
    assert_least(world, "inventory", PolicyIdentity.WORKER, {})


@pytest.mark.parametrize(
    ("capability", "sections", "queue"),
    [
        ("pipelines", PIPELINES, "events"),
        ("aggregation", INVALIDATED.format("E1"), "agg-timers"),
        ("queues", CONSUMERS, "orders"),
    ],
)
def test_a_function_may_delay_the_next_delivery_of_its_messages(world, capability, sections, queue):
    """RetryLater: every function that is fed by a queue can set when a message is delivered again."""
    url = world.queue(queue)
    world.configure(sections)
    world["sqs"].send_message(QueueUrl=url, MessageBody="x")
    receipt = world["sqs"].receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    settings = settings_of(world.folder)
    with contextlib.closing(open_estate(settings.estate, {})) as estate:
        visibility_setter(estate)(f"arn:aws:sqs:us-east-1:{world.account}:{queue}", receipt, 0)
    calls = world.calls()
    assert "ChangeMessageVisibility" in {call["operation"] for call in calls}
    assert check(calls, statements_of(settings, capability, PolicyIdentity.FUNCTION, function="function")).missing == ()
