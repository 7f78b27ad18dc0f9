"""The policies as documents: real ARNs, conditions, one Sid each, and what the command says."""

import json
import os

import pytest

from tests.command import run_windlass
from tests.deploy.proving import statements_of
from windlass.deploy.capabilities import CAPABILITIES
from windlass.deploy.policies.inventory import chosen
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement, document, facts_of, merged, size_of
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
    return {
        statement.sid: statement
        for statement in statements_of(Settings.model_validate(config), capability, use, **facts)
    }


def test_a_function_s_policy_has_the_real_names_and_nothing_of_a_worker():
    statements = made("pipelines", PolicyIdentity.FUNCTION, function="packer", keys=[KEY])
    assert statements["ReadSources"].resources == ("arn:aws:s3:::raw-bucket/in/*",)
    assert statements["WriteTargets"].resources == ("arn:aws:s3:::out-bucket/made/*",)
    assert statements["KeepRefused"].resources == ("arn:aws:s3:::bad-bucket/p/*",)
    assert statements["FindSources"].conditions == {
        "StringEquals": {"aws:ResourceAccount": "123456789012"},
        "StringLikeIfExists": {"s3:prefix": ["in/*"]},
    }
    assert statements["Consume"].resources == ("arn:aws:sqs:eu-west-1:123456789012:events",)
    assert "sqs:GetQueueUrl" not in statements["Consume"].actions
    assert "DeadLetter" not in statements
    assert statements["Log"].resources == ("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/packer:*",)
    assert statements["Keys"].resources == (KEY,)
    assert statements["Keys"].conditions["StringLike"]["kms:ViaService"] == [
        "sqs.*.amazonaws.com",
        "s3.*.amazonaws.com",
    ]


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
    statements = made("pipelines", PolicyIdentity.FUNCTION, config, function="packer", keys=[KEY])
    assert statements["Keys"].conditions["StringLike"]["kms:ViaService"] == names


def test_queues_are_named_by_arn_url_or_name_and_dead_letters_by_their_beginning():
    rule = made("aggregation", PolicyIdentity.WORKER)
    assert rule["Consume"].resources == ("arn:aws:sqs:us-east-2:210987654321:drops",)
    assert rule["DeadLetter"].resources == ("arn:aws:sqs:us-east-2:210987654321:drops-*",)
    assert rule["Keys"].resources == ("arn:aws:dynamodb:eu-west-1:123456789012:table/agg",)
    assert rule["Invalidate"].resources == ("arn:aws:cloudfront::123456789012:distribution/E2QWRUHEXAMPLE",)
    orders = made("queues", PolicyIdentity.WORKER, dead_letters=["lost"])
    assert orders["Consume"].resources == ("arn:aws:sqs:eu-west-1:123456789012:orders",)
    assert orders["DeadLetter"].resources == ("arn:aws:sqs:eu-west-1:123456789012:lost",)


def test_other_partitions_and_unknown_accounts():
    settings = Settings.model_validate({**CONFIG, "estate": {"home_region": "cn-north-1", "regions": ["cn-north-1"]}})
    statements = {statement.sid: statement for statement in statements_of(settings, "pipelines", PolicyIdentity.WORKER)}
    assert statements["ReadSources"].resources == ("arn:aws-cn:s3:::raw-bucket/in/*",)
    assert statements["ReadSources"].conditions == {}
    assert statements["Consume"].resources == ("arn:aws-cn:sqs:cn-north-1:*:events",)


def test_other_accounts_are_entered_by_their_roles():
    estate = {
        "accounts": [{"id": "123456789012"}, {"id": "222222222222", "role": "windlass-reader"}],
        "regions": "enabled",
    }
    statements = made("inventory", PolicyIdentity.WORKER, {"estate": estate})
    assert statements["EnterAccounts"].resources == ("arn:aws:iam::222222222222:role/windlass-reader",)
    assert statements["Regions"].actions == ("account:ListRegions", "ec2:DescribeRegions")
    units = {
        "organization": True,
        "organization_role": "reader",
        "organization_units": ["ou-1"],
        "regions": ["us-east-1"],
    }
    statements = made("inventory", PolicyIdentity.WORKER, {"estate": units})
    assert statements["Organization"].actions == (
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    )
    assert statements["EnterAccounts"].resources == ("arn:aws:iam::*:role/reader",)


def test_the_inventory_reads_and_does_nothing_else():
    actions = made("inventory", PolicyIdentity.WORKER, {})["Collect"].actions
    verbs = {action.partition(":")[2] for action in actions}
    reads = {"BatchGetAccountStatus", "BatchGetProjects", "SearchTransitGatewayRoutes"}
    assert not {verb for verb in verbs - reads if not verb.startswith(("Get", "List", "Describe", "GET"))}
    assert len(actions) == len(set(actions)) > 100


def test_the_inventory_s_policy_is_of_the_types_that_are_collected():
    statements = made("inventory", PolicyIdentity.WORKER, {"inventory": {"types": ["sqs.*"], "exclude_types": []}})[
        "Collect"
    ].actions
    assert statements == ("sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:ListQueues")
    assert {kind.name for kind in chosen(Settings())} == {kind.name for kind in CATALOG}


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
    statements = made("deploy", PolicyIdentity.OPERATOR, CONFIG | {"aggregate": [rule, stored, *CONFIG["aggregate"]]})
    location = "eu-west-1:123456789012"
    assert statements["Functions"].resources == tuple(
        f"arn:aws:lambda:{location}:function:windlass-{name}" for name in ("p", "shares")
    )
    assert statements["Rules"].resources == tuple(
        f"arn:aws:events:{location}:rule/windlass-shares-{suffix}" for suffix in ("repair", "completion")
    )
    assert statements["Notifications"].resources == ("arn:aws:s3:::raw-bucket", "arn:aws:s3:::raw-*")
    assert statements["PassRoles"].conditions == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert statements["MakeMappings"].conditions == {
        "ArnLike": {"lambda:FunctionArn": list(statements["Functions"].resources)}
    }
    assert made("deploy", PolicyIdentity.OPERATOR, {"aggregate": [stored]}) == {}


def test_only_sets_by_emr_may_start_clusters_and_only_those_of_windlass():
    pairs = {"name": "s", "pairs": [["logs", "logs-replica"]]}
    assert "Steps" not in made("replication", PolicyIdentity.OPERATOR, {"replicate": [pairs]})
    statements = made("replication", PolicyIdentity.OPERATOR, {"replicate": [pairs | {"method": "emr"}]})
    assert statements["MakeClusters"].conditions == {"StringLike": {"elasticmapreduce:RequestTag/windlass:seed": "*"}}
    assert statements["PassExecutionRole"].conditions == {
        "StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}
    }
    narrow = made(
        "replication",
        PolicyIdentity.OPERATOR,
        {"replicate": [pairs]},
        application="a1",
        execution_role="spark",
        account="1" * 12,
    )
    assert narrow["StartRuns"].resources[0] == f"arn:aws:emr-serverless:*:{'1' * 12}:/applications/a1"
    assert narrow["PassExecutionRole"].resources == (f"arn:aws:iam::{'1' * 12}:role/spark",)
    assert not {"Steps", "MakeClusters"} & narrow.keys()


def test_the_actions_of_watch_rules_are_allowed_where_they_call():
    actions = [
        {"kind": "sns-publish", "topic_arn": "arn:aws:sns:eu-west-1:123456789012:alerts"},
        {"kind": "lambda-invoke", "function": "page-somebody"},
        {"kind": "sqs-send", "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/alerts"},
        {"kind": "http-post", "url": "https://hooks.example.com/x"},
    ]
    rule = {"name": "public", "on": "change", "region": "eu-central-1", "actions": actions}
    statements = made("watch", PolicyIdentity.WORKER, {**CONFIG, "watch": [rule]}, keys=[KEY])
    assert statements["Publish"].resources == ("arn:aws:sns:eu-west-1:123456789012:alerts",)
    assert statements["Invoke"].resources == ("arn:aws:lambda:eu-central-1:123456789012:function:page-somebody",)
    assert statements["Send"].resources == ("arn:aws:sqs:eu-west-1:123456789012:alerts",)
    assert made("watch", PolicyIdentity.WORKER) == {}


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda capability: capability.name)
def test_documents_are_valid_in_every_use(capability):
    settings = Settings.model_validate(CONFIG)
    for use in capability.uses:
        statements = capability.statements(settings, facts_of(settings, keys=[KEY], function="f"), use)
        policy = document(statements)
        sids = [statement["Sid"] for statement in policy["Statement"]]
        assert len(sids) == len(set(sids))
        assert all(sid.isalnum() for sid in sids)
        assert all(statement["Action"] and statement["Resource"] for statement in policy["Statement"])
        assert all("*" not in action for statement in policy["Statement"] for action in statement["Action"])
        assert all(statement.why for statement in merged(statements))
        assert json.loads(json.dumps(policy)) == policy


def test_statements_that_differ_in_resources_are_one():
    first = Statement("Read", ("s3:GetObject",), ("a",), "why")
    other = Statement("Read", ("s3:GetObject",), ("b", "a"), "why")
    third = Statement("Read", ("s3:PutObject",), ("b",), "why")
    assert [(statement.sid, statement.resources) for statement in merged([first, other, third])] == [
        ("Read", ("a", "b")),
        ("Read2", ("b",)),
    ]
    size, most = size_of([first])
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
        ("events", "PutTargets", "repair", "events:eu-west-1:123456789012:rule/repair"),
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
    (resource_arn, *_) = {need.resource for need in needs_of(call(service, operation, resource=resource))}
    assert resource_arn == f"arn:aws:{arn}"


def test_tagging_and_passing_a_role_need_permissions_of_their_own():
    creation = call("lambda", "CreateFunction", resource="function:f", roles=["worker"], tagged=True)
    function = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert set(needs_of(creation)) == {
        Need("lambda:CreateFunction", function),
        Need("lambda:TagResource", function),
        Need("iam:PassRole", "arn:aws:iam::123456789012:role/worker"),
    }
    put = call("s3", "PutObject", path="/b/k", tagged=True)
    assert {need.action for need in needs_of(put)} == {"s3:PutObject", "s3:PutObjectTagging"}


def test_a_missing_object_is_told_to_those_alone_who_may_list():
    needs = set(needs_of(call("s3", "HeadObject", path="/b/k%20ey", status=404)))
    assert needs == {Need("s3:GetObject", "arn:aws:s3:::b/k ey"), Need("s3:ListBucket", "arn:aws:s3:::b")}


def test_a_copy_reads_its_source():
    needs = set(needs_of(call("s3", "CopyObject", path="/to/k", resource="from/k?versionId=1", versioned=True)))
    assert needs == {Need("s3:PutObject", "arn:aws:s3:::to/k"), Need("s3:GetObjectVersion", "arn:aws:s3:::from/k")}


def test_the_check_finds_what_lacks_and_what_is_too_much():
    """The proof's own proof: a policy without an action, with one too many, or for another resource does not pass."""
    facts = PolicyFacts(account="123456789012", region="eu-west-1")
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
    policy = json.loads(done.stdout)
    assert policy["Version"] == "2012-10-17"
    assert [statement["Sid"] for statement in policy["Statement"]] == ["Consume", "FindQueue", "DeadLetter", "Log"]
    unknown = say(tmp_path, "queues")
    assert "give --account" in unknown.stderr
    assert json.loads(unknown.stdout)
    assert "whose" not in unknown.stdout
    refused = say(tmp_path, "inventory", "--for", "function")
    assert (refused.returncode, "inventory has no policy for a function" in refused.stderr) == (252, True)
    assert say(tmp_path, "pipes").returncode == 252
    assert "configures nothing of this capability" in say(tmp_path, "pipelines").stderr
