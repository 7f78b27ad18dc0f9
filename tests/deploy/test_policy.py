"""The policies as documents: real ARNs, conditions, one Sid each, and what the command says."""

import json
import os

import pytest

from tests.command import run_windlass
from tests.deploy.proving import statements_of
from windlass.deploy.capabilities import CAPABILITIES
from windlass.deploy.policies.inventory import chosen
from windlass.deploy.policy import Facts, Statement, Use, document, facts_of, merged, size_of
from windlass.deploy.policy_calls import actions_of
from windlass.deploy.policy_check import Need, check, needs_of
from windlass.inventory.catalog import CATALOG
from windlass.settings import Settings

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
CONFIG = {
    "estate": {"home_region": "eu-west-1", "regions": ["eu-west-1"], "accounts": [{"id": "123456789012"}]},
    "pipeline": [
        {
            "name": "p",
            "source": "s3://raw-bucket/in/",
            "target": "s3://out-bucket/made/{key}",
            "queue": "events",
            "on_error": "s3://bad-bucket/p/",
        },
    ],
    "aggregate": [
        {
            "name": "r",
            "queue": "arn:aws:sqs:us-east-2:210987654321:drops",
            "table": "agg",
            "timers": "timers",
            "action": {"kind": "cloudfront-invalidate", "distribution_id": "E2QWRUHEXAMPLE"},
        },
    ],
    "consume": [{"queue": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders", "handler": "a:b"}],
}


def made(capability, use, config=CONFIG, **facts):
    return {one.sid: one for one in statements_of(Settings.model_validate(config), capability, use, **facts)}


def test_a_function_s_policy_has_the_real_names_and_nothing_of_a_worker():
    found = made("pipelines", Use.FUNCTION, function="packer", keys=[KEY])
    assert found["ReadSources"].resources == ("arn:aws:s3:::raw-bucket/in/*",)
    assert found["WriteTargets"].resources == ("arn:aws:s3:::out-bucket/made/*",)
    assert found["KeepRefused"].resources == ("arn:aws:s3:::bad-bucket/p/*",)
    assert found["FindSources"].conditions == {
        "StringEquals": {"aws:ResourceAccount": "123456789012"},
        "StringLikeIfExists": {"s3:prefix": ["in/*"]},
    }
    assert found["Consume"].resources == ("arn:aws:sqs:eu-west-1:123456789012:events",)
    assert "sqs:GetQueueUrl" not in found["Consume"].actions
    assert "DeadLetter" not in found
    assert found["Log"].resources == ("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/packer:*",)
    assert found["Keys"].resources == (KEY,)
    assert found["Keys"].conditions["StringLike"]["kms:ViaService"] == ["sqs.*.amazonaws.com", "s3.*.amazonaws.com"]


@pytest.mark.parametrize(
    ("region", "names"),
    [
        ("eu-west-1", ["sqs.*.amazonaws.com", "s3.*.amazonaws.com"]),
        ("us-gov-west-1", ["sqs.*.amazonaws.com", "s3.*.amazonaws.com"]),
        (
            "cn-north-1",
            ["sqs.*.amazonaws.com", "sqs.*.amazonaws.com.cn", "s3.*.amazonaws.com", "s3.*.amazonaws.com.cn"],
        ),
        ("us-iso-east-1", ["sqs.*.amazonaws.com", "sqs.*.c2s.ic.gov", "s3.*.amazonaws.com", "s3.*.c2s.ic.gov"]),
    ],
)
def test_keys_are_used_through_the_services_of_their_partition(region, names):
    config = {**CONFIG, "estate": {**CONFIG.get("estate", {}), "home_region": region}}
    found = made("pipelines", Use.FUNCTION, config, function="packer", keys=[KEY])
    assert found["Keys"].conditions["StringLike"]["kms:ViaService"] == names


def test_queues_are_named_by_arn_url_or_name_and_dead_letters_by_their_beginning():
    rule = made("aggregation", Use.WORKER)
    assert rule["Consume"].resources == ("arn:aws:sqs:us-east-2:210987654321:drops",)
    assert rule["DeadLetter"].resources == ("arn:aws:sqs:us-east-2:210987654321:drops-*",)
    assert rule["Keys"].resources == ("arn:aws:dynamodb:eu-west-1:123456789012:table/agg",)
    assert rule["Invalidate"].resources == ("arn:aws:cloudfront::123456789012:distribution/E2QWRUHEXAMPLE",)
    orders = made("queues", Use.WORKER, dead_letters=["lost"])
    assert orders["Consume"].resources == ("arn:aws:sqs:eu-west-1:123456789012:orders",)
    assert orders["DeadLetter"].resources == ("arn:aws:sqs:eu-west-1:123456789012:lost",)


def test_other_partitions_and_unknown_accounts():
    settings = Settings.model_validate({**CONFIG, "estate": {"home_region": "cn-north-1", "regions": ["cn-north-1"]}})
    found = {one.sid: one for one in statements_of(settings, "pipelines", Use.WORKER)}
    assert found["ReadSources"].resources == ("arn:aws-cn:s3:::raw-bucket/in/*",)
    assert found["ReadSources"].conditions == {}
    assert found["Consume"].resources == ("arn:aws-cn:sqs:cn-north-1:*:events",)


def test_other_accounts_are_entered_by_their_roles():
    estate = {
        "accounts": [{"id": "123456789012"}, {"id": "222222222222", "role": "windlass-reader"}],
        "regions": "enabled",
    }
    found = made("inventory", Use.WORKER, {"estate": estate})
    assert found["EnterAccounts"].resources == ("arn:aws:iam::222222222222:role/windlass-reader",)
    assert found["Regions"].actions == ("account:ListRegions", "ec2:DescribeRegions")
    units = {
        "organization": True,
        "organization_role": "reader",
        "organization_units": ["ou-1"],
        "regions": ["us-east-1"],
    }
    found = made("inventory", Use.WORKER, {"estate": units})
    assert found["Organization"].actions == (
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    )
    assert found["EnterAccounts"].resources == ("arn:aws:iam::*:role/reader",)


def test_the_inventory_reads_and_does_nothing_else():
    found = made("inventory", Use.WORKER, {})["Collect"].actions
    verbs = {one.partition(":")[2] for one in found}
    reads = {"BatchGetAccountStatus", "BatchGetProjects", "SearchTransitGatewayRoutes"}
    assert not {one for one in verbs - reads if not one.startswith(("Get", "List", "Describe", "GET"))}
    assert len(found) == len(set(found)) > 100


def test_the_inventory_s_policy_is_of_the_types_that_are_collected():
    found = made("inventory", Use.WORKER, {"inventory": {"types": ["sqs.*"], "exclude_types": []}})["Collect"].actions
    assert found == ("sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:ListQueues")
    assert {one.name for one in chosen(Settings())} == {one.name for one in CATALOG}


def test_a_deployment_is_of_what_can_be_deployed_by_its_own_names():
    """Rules in the store can't be, nor those whose queue is in another account; patterns of buckets stay patterns."""
    rule = {
        "name": "shares",
        "queue": "drops",
        "table": "t",
        "timers": "tm",
        "buckets": ["raw-*"],
        "action": {"kind": "storage-gateway-refresh"},
    }
    stored = {"name": "stored", "queue": "other", "action": {"kind": "storage-gateway-refresh"}}
    found = made("deploy", Use.OPERATOR, CONFIG | {"aggregate": [rule, stored, *CONFIG["aggregate"]]})
    ours = "eu-west-1:123456789012"
    assert found["Functions"].resources == tuple(
        f"arn:aws:lambda:{ours}:function:windlass-{one}" for one in ("p", "shares")
    )
    assert found["Rules"].resources == tuple(
        f"arn:aws:events:{ours}:rule/windlass-shares-{one}" for one in ("sweep", "completion")
    )
    assert found["Notifications"].resources == ("arn:aws:s3:::raw-bucket", "arn:aws:s3:::raw-*")
    assert found["PassRoles"].conditions == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert found["MakeMappings"].conditions == {"ArnLike": {"lambda:FunctionArn": list(found["Functions"].resources)}}
    assert made("deploy", Use.OPERATOR, {"aggregate": [stored]}) == {}


def test_only_sets_by_emr_may_start_clusters_and_only_those_of_windlass():
    pairs = {"name": "s", "pairs": [["logs", "logs-replica"]]}
    assert "Steps" not in made("replication", Use.OPERATOR, {"replicate": [pairs]})
    found = made("replication", Use.OPERATOR, {"replicate": [pairs | {"method": "emr"}]})
    assert found["MakeClusters"].conditions == {"StringLike": {"elasticmapreduce:RequestTag/windlass:seed": "*"}}
    assert found["PassExecutionRole"].conditions == {
        "StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}
    }
    narrow = made(
        "replication", Use.OPERATOR, {"replicate": [pairs]}, application="a1", execution_role="spark", account="1" * 12
    )
    assert narrow["StartRuns"].resources[0] == f"arn:aws:emr-serverless:*:{'1' * 12}:/applications/a1"
    assert narrow["PassExecutionRole"].resources == (f"arn:aws:iam::{'1' * 12}:role/spark",)
    assert not {"Steps", "MakeClusters"} & narrow.keys()


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda one: one.name)
def test_documents_are_valid_in_every_use(capability):
    settings = Settings.model_validate(CONFIG)
    for use in capability.uses:
        statements = capability.statements(settings, facts_of(settings, keys=[KEY], function="f"), use)
        found = document(statements)
        sids = [one["Sid"] for one in found["Statement"]]
        assert len(sids) == len(set(sids))
        assert all(sid.isalnum() for sid in sids)
        assert all(one["Action"] and one["Resource"] for one in found["Statement"])
        assert all("*" not in action for one in found["Statement"] for action in one["Action"])
        assert all(one.why for one in merged(statements))
        assert json.loads(json.dumps(found)) == found


def test_statements_that_differ_in_resources_are_one():
    one = Statement("Read", ("s3:GetObject",), ("a",), "why")
    other = Statement("Read", ("s3:GetObject",), ("b", "a"), "why")
    third = Statement("Read", ("s3:PutObject",), ("b",), "why")
    assert [(each.sid, each.resources) for each in merged([one, other, third])] == [
        ("Read", ("a", "b")),
        ("Read2", ("b",)),
    ]
    size, most = size_of([one])
    assert 0 < size < most


@pytest.mark.parametrize(
    ("service", "operation", "versioned", "actions"),
    [
        ("s3", "HeadObject", False, ("s3:GetObject",)),
        ("s3", "HeadObject", True, ("s3:GetObjectVersion",)),
        ("s3", "GetObjectTagging", True, ("s3:GetObjectVersionTagging",)),
        ("s3", "DeleteObject", True, ("s3:DeleteObjectVersion",)),
        ("s3", "CompleteMultipartUpload", False, ("s3:PutObject",)),
        ("s3", "HeadBucket", False, ("s3:ListBucket",)),
        ("s3", "GetBucketEncryption", False, ("s3:GetEncryptionConfiguration",)),
        ("sqs", "DeleteMessageBatch", False, ("sqs:DeleteMessage",)),
        ("monitoring", "GetMetricData", False, ("cloudwatch:GetMetricData",)),
        ("sts", "GetCallerIdentity", False, ()),
        ("apigatewayv2", "GetApis", False, ("apigateway:GET",)),
    ],
)
def test_what_a_call_needs(service, operation, versioned, actions):
    assert actions_of(service, operation, versioned=versioned) == actions


def call(service, operation, *, path="", status=200, resource="", versioned=False, roles=(), tagged=False):
    return {
        "service": service,
        "operation": operation,
        "path": path,
        "status": status,
        "resource": resource,
        "versioned": versioned,
        "account_id": "123456789012",
        "region": "eu-west-1",
        "roles": roles,
        "tagged": tagged,
    }


@pytest.mark.parametrize(
    ("service", "operation", "resource", "arn"),
    [
        ("lambda", "Invoke", "function:seen:live", "lambda:eu-west-1:123456789012:function:seen:live"),
        (
            "lambda",
            "DeleteEventSourceMapping",
            "event-source-mapping:u",
            "lambda:eu-west-1:123456789012:event-source-mapping:u",
        ),
        ("events", "PutTargets", "sweep", "events:eu-west-1:123456789012:rule/sweep"),
        ("logs", "CreateLogGroup", "/aws/lambda/f", "logs:eu-west-1:123456789012:log-group:/aws/lambda/f"),
        ("logs", "DescribeLogGroups", "/aws/lambda/f", "logs:eu-west-1:123456789012:log-group::log-stream:"),
        ("cloudfront", "CreateInvalidation", "distribution/E1", "cloudfront::123456789012:distribution/E1"),
        ("elasticmapreduce", "DescribeStep", "j-1", "elasticmapreduce:eu-west-1:123456789012:cluster/j-1"),
        (
            "emr-serverless",
            "GetJobRun",
            "/applications/a/jobruns/r",
            "emr-serverless:eu-west-1:123456789012:/applications/a/jobruns/r",
        ),
        ("s3control", "DescribeJob", "job/1", "s3:eu-west-1:123456789012:job/1"),
        ("cloudtrail", "GetTrailStatus", "windlass", "cloudtrail:eu-west-1:123456789012:trail/windlass"),
        ("elasticache", "ModifyCacheCluster", "web", "elasticache:eu-west-1:123456789012:cluster:web"),
        ("iam", "GetRole", "r", "iam::123456789012:role/r"),
        ("kms", "DescribeKey", "k", "kms:eu-west-1:123456789012:key/k"),
        ("sns", "Publish", "arn:aws:sns:eu-west-1:1:t", "sns:eu-west-1:1:t"),
    ],
)
def test_what_a_call_names_is_the_resource_it_needs(service, operation, resource, arn):
    (found, *_) = {one.resource for one in needs_of(call(service, operation, resource=resource))}
    assert found == f"arn:aws:{arn}"


def test_tagging_and_passing_a_role_need_permissions_of_their_own():
    made = call("lambda", "CreateFunction", resource="function:f", roles=["worker"], tagged=True)
    function = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert set(needs_of(made)) == {
        Need("lambda:CreateFunction", function),
        Need("lambda:TagResource", function),
        Need("iam:PassRole", "arn:aws:iam::123456789012:role/worker"),
    }
    put = call("s3", "PutObject", path="/b/k", tagged=True)
    assert {one.action for one in needs_of(put)} == {"s3:PutObject", "s3:PutObjectTagging"}


def test_a_missing_object_is_told_to_those_alone_who_may_list():
    found = set(needs_of(call("s3", "HeadObject", path="/b/k%20ey", status=404)))
    assert found == {Need("s3:GetObject", "arn:aws:s3:::b/k ey"), Need("s3:ListBucket", "arn:aws:s3:::b")}


def test_a_copy_reads_its_source():
    found = set(needs_of(call("s3", "CopyObject", path="/to/k", resource="from/k?versionId=1", versioned=True)))
    assert found == {Need("s3:PutObject", "arn:aws:s3:::to/k"), Need("s3:GetObjectVersion", "arn:aws:s3:::from/k")}


def test_the_check_finds_what_lacks_and_what_is_too_much():
    """The proof's own proof: a policy without an action, with one too many, or for another resource does not pass."""
    facts = Facts(account="123456789012", region="eu-west-1")
    calls = [
        call("s3", "GetObject", path="/a/x/1"),
        call("sqs", "SendMessage", resource="https://sqs.eu-west-1.amazonaws.com/123456789012/q"),
        call("dynamodb", "GetItem", resource="t"),
    ]
    good = [
        Statement("A", ("s3:GetObject",), (facts.objects("a", "x/"),), "w"),
        Statement("B", ("sqs:SendMessage",), (facts.queue("q"),), "w"),
        Statement("C", ("dynamodb:GetItem",), (facts.arn("dynamodb", "table/t"),), "w"),
    ]
    assert check(calls, good) == check(calls, good)
    assert (check(calls, good).missing, check(calls, good).unused) == ((), ())
    for at in range(3):
        lacking = check(calls, good[:at] + good[at + 1 :])
        assert len(lacking.missing) == 1
    elsewhere = [*good[:2], Statement("C", ("dynamodb:GetItem",), (facts.arn("dynamodb", "table/u"),), "w")]
    assert check(calls, elsewhere).missing == (Need("dynamodb:GetItem", facts.arn("dynamodb", "table/t")),)
    assert check(calls, elsewhere).unused == (("C", "dynamodb:GetItem"),)
    more = [*good, Statement("D", ("s3:PutObject",), (facts.objects("a"),), "w")]
    assert check(calls, more).unused == (("D", "s3:PutObject"),)


def say(folder, *words):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return run_windlass(["policy", *words], cwd=folder, env=environment)


def test_the_command_prints_the_document_alone(tmp_path):
    (tmp_path / "windlass.toml").write_text('[[consume]]\nqueue = "orders"\nhandler = "a:b"\n', "utf-8")
    done = say(tmp_path, "queues", "--for-function", "f", "--account", "123456789012")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["Version"] == "2012-10-17"
    assert [one["Sid"] for one in found["Statement"]] == ["Consume", "FindQueue", "DeadLetter", "Log"]
    unknown = say(tmp_path, "queues")
    assert "give --account" in unknown.stderr
    assert json.loads(unknown.stdout)
    assert "whose" not in unknown.stdout
    refused = say(tmp_path, "inventory", "--for", "function")
    assert (refused.returncode, "inventory has no policy for a function" in refused.stderr) == (252, True)
    assert say(tmp_path, "pipes").returncode == 252
    assert "configures nothing of this capability" in say(tmp_path, "pipelines").stderr
