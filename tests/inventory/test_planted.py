"""A secret in any text that AWS answers, in any format, is in nothing that Windlass keeps or shows."""

import copy
import itertools
import json
from datetime import timedelta

import pytest

from tests.inventory.planted import PLAIN, planted, planted_in_free_text
from tests.inventory.test_catalog import ACCOUNT, KEPT, answer, full_item
from tests.inventory.test_revisions import T0, begin, inventory_of
from tests.sweeps import sweep
from windlass.inventory import writer
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.model import GLOBAL, Query, Scope, ScopeResult, ScopeState
from windlass.inventory.observations import observe
from windlass.inventory.redaction import redact

FORMATS = planted()
SECRETS = sorted({secret for secret, _ in FORMATS.values()})


def scope_of(kind):
    return Scope(ACCOUNT, GLOBAL if kind.once_per_account else "eu-west-1", kind.name)


def plant(value, next_text):
    """`value` with every text in it replaced."""
    if isinstance(value, dict):
        return {key: plant(item, next_text) for key, item in value.items()}
    if isinstance(value, list):
        return [plant(item, next_text) for item in value]
    return next_text() if isinstance(value, str) else value


def kept_of(observation):
    return json.dumps(
        [
            observation.document,
            dict(observation.tags),
            observation.name,
            observation.arn,
            observation.resource_id,
            [edge.target for edge in observation.edges],
            list(observation.addresses),
        ],
        ensure_ascii=False,
    )


def leaked(text, secrets):
    """Secrets, or the lines of one, that are in the text as they are or as JSON writes them."""
    parts = {part for secret in secrets for part in secret.split("\n") if not part.startswith("-----")}
    return sorted(part for part in parts if part in text)


every_type = sweep("kind", CATALOG, ids=lambda kind: kind.name)


def planted_item(kind, next_text):
    """The type's fullest answer with every text planted; a queue's ARN is in a map that the model leaves open."""
    planted = plant(full_item(kind) | ({"QueueArn": "text"} if kind.name == "sqs.queue" else {}), next_text)
    return planted | KEPT.get(kind.name, {})


def rotating(start):
    """Texts of all formats in turn, another one for each member."""
    texts = [text for _, text in FORMATS.values()]
    turn = itertools.cycle(texts[start % len(texts) :] + texts[: start % len(texts)])
    return lambda: next(turn)


@every_type
def test_every_text_of_every_type_is_planted_with_some_format(kind):
    for start in (0, 37):
        observation = observe(kind, scope_of(kind), planted_item(kind, rotating(start)), partition="aws", salt=b"s")
        assert observation is not None
        assert not leaked(kept_of(observation), SECRETS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", CATALOG, ids=lambda kind: kind.name)
def test_every_text_of_every_type_is_planted_with_every_format(kind):
    for name, (secret, text) in FORMATS.items():
        observation = observe(
            kind, scope_of(kind), planted_item(kind, lambda text=text: text), partition="aws", salt=b"s"
        )
        assert observation is not None, name
        assert not leaked(kept_of(observation), [secret]), name


# Answers of services that have no curated type: what an automatic type would store of them.
UNDECLARED = (
    ("codebuild", "BatchGetProjects"),
    ("batch", "DescribeJobDefinitions"),
    ("apprunner", "DescribeService"),
    ("amplify", "ListApps"),
    ("elasticbeanstalk", "DescribeConfigurationSettings"),
    ("scheduler", "GetSchedule"),
    ("lightsail", "GetContainerServices"),
    ("sagemaker", "DescribeModel"),
    ("events", "DescribeConnection"),
    ("appsync", "ListDataSources"),
    ("dms", "DescribeEndpoints"),
    ("cognito-idp", "DescribeUserPoolClient"),
    ("directconnect", "DescribeVirtualInterfaces"),
    ("mq", "DescribeBroker"),
)


@pytest.mark.parametrize(("service", "operation"), UNDECLARED)
def test_types_that_declare_nothing_are_redacted_as_well(service, operation):
    for start in (0, 37):
        kept = redact(plant(answer(service, operation), rotating(start)), (), salt=b"s")
        assert not leaked(json.dumps(kept, ensure_ascii=False), SECRETS)


@pytest.mark.parametrize(
    "document",
    [
        {
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/standard:7.0",
                "environmentVariables": [{"name": "ANYTHING", "type": "PLAINTEXT", "value": PLAIN}],
            }
        },
        {"ImageRepository": {"ImageConfiguration": {"RuntimeEnvironmentVariables": {"A": PLAIN}}}},
        {
            "OptionSettings": [
                {"Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": "ANYTHING", "Value": PLAIN}
            ]
        },
        {"UserPoolClient": {"ClientSecret": PLAIN}},
        {"virtualInterfaces": [{"authKey": PLAIN}]},
        {
            "Endpoints": [
                {"PostgreSQLSettings": {"Password": PLAIN}, "ExtraConnectionAttributes": f"password={PLAIN};x=1"}
            ]
        },
        {"containers": {"web": {"environment": {"A": PLAIN}, "command": [PLAIN]}}},
        {
            "AuthParameters": {
                "ApiKeyAuthParameters": {"ApiKeyValue": PLAIN},
                "InvocationHttpParameters": {"HeaderParameters": [{"Key": "x", "Value": PLAIN}]},
            }
        },
    ],
    ids=range(8),
)
def test_places_of_types_that_nobody_declared_are_known(document):
    kept = json.dumps(redact(copy.deepcopy(document), (), salt=b"s"))
    assert PLAIN not in kept
    assert "aws/standard:7.0" in kept or "image" not in document.get("environment", {})


def test_nothing_planted_is_in_the_database_file_or_an_export(sqlite_store, tmp_path):
    run = begin(sqlite_store)
    written = 0
    for scan in (0, 1):  # the second scan's changes are patches
        for kind in CATALOG if scan == 0 else CATALOG[::4]:
            seen = observe(kind, scope_of(kind), planted_item(kind, rotating(scan)), partition="aws", salt=b"s")
            result = ScopeResult(
                scope=scope_of(kind),
                state=ScopeState.OK,
                observations=(seen,) if seen else (),
                error_code="",
                error="",
                calls=1,
                started_at=T0,
                finished_at=T0 + timedelta(minutes=scan),
            )
            applied = writer.write_result(sqlite_store, run, result)
            written += applied.created + applied.updated
    assert written >= len(CATALOG)
    inventory = inventory_of(sqlite_store)
    for kind in ("jsonl", "csv", "parquet"):
        inventory.export(Query(), tmp_path / f"all.{kind}")
    sqlite_store.close()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} >= {".db", ".jsonl", ".csv", ".parquet"}
    for file in files:
        assert not leaked(file.read_bytes().decode("latin-1"), SECRETS), file.name


@pytest.mark.parametrize("name", planted_in_free_text())
@pytest.mark.parametrize("member", ["Description", "Comment", "Tags", "Parameters", "OutputValue", "StatusReason"])
def test_random_text_is_a_secret_where_people_write(member, name):
    secret, text = planted_in_free_text()[name]
    value = {"Tags": [{"Key": "note", "Value": text}], "Parameters": {"anything": text}}.get(member, text)
    observation = observe(
        BY_NAME["ec2.vpc"], scope_of(BY_NAME["ec2.vpc"]), {"VpcId": "vpc-1", member: value}, partition="aws", salt=b"s"
    )
    assert secret not in kept_of(observation)
    assert "redacted:entropy:" in kept_of(observation)


# What the break-in test of issue 15 found in clear: secrets that have no form, told by where they stand.
PLACES = (
    ("ecs.task-definition", {"containerDefinitions": [{"name": "a", "command": ["serve", "--pin", PLAIN]}]}),
    ("ecs.task-definition", {"containerDefinitions": [{"name": "a", "entryPoint": ["sh", "-c", f"login {PLAIN}"]}]}),
    ("ecs.task-definition", {"containerDefinitions": [{"dockerLabels": {"com.example.auth": PLAIN}}]}),
    ("ecs.task-definition", {"containerDefinitions": [{"dockerLabels": {"anything": PLAIN}}]}),
    (
        "ecs.task-definition",
        {
            "containerDefinitions": [
                {"logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": PLAIN, "x": PLAIN}}}
            ]
        },
    ),
    (
        "ecs.task-definition",
        {"containerDefinitions": [{"healthCheck": {"command": ["CMD-SHELL", f"curl -H {PLAIN} localhost"]}}]},
    ),
    ("ecs.task-definition", {"containerDefinitions": [{"environment": [{"name": "ANYTHING", "value": PLAIN}]}]}),
    (
        "cloudfront.distribution",
        {
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "o",
                        "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "x-origin", "HeaderValue": PLAIN}]},
                    }
                ],
            }
        },
    ),
    ("firehose.delivery-stream", {"Destinations": [{"SplunkDestinationDescription": {"HECToken": PLAIN}}]}),
    (
        "firehose.delivery-stream",
        {
            "Destinations": [
                {
                    "HttpEndpointDestinationDescription": {
                        "RequestConfiguration": {
                            "CommonAttributes": [{"AttributeName": "who", "AttributeValue": PLAIN}]
                        }
                    }
                }
            ]
        },
    ),
    (
        "firehose.delivery-stream",
        {
            "Destinations": [
                {
                    "RedshiftDestinationDescription": {
                        "ClusterJDBCURL": f"jdbc:redshift://c:5439/db?user=a&password={PLAIN}"
                    }
                }
            ]
        },
    ),
    ("events.rule", {"Targets": [{"Id": "1", "Input": json.dumps({"anything": PLAIN})}]}),
    ("events.rule", {"Targets": [{"Id": "1", "Input": f'"{PLAIN}"'}]}),
    ("events.rule", {"Targets": [{"Id": "1", "InputTransformer": {"InputTemplate": f"<a> {PLAIN}"}}]}),
    (
        "events.rule",
        {
            "Targets": [
                {
                    "Id": "1",
                    "HttpParameters": {
                        "HeaderParameters": {"x": PLAIN},
                        "QueryStringParameters": {"y": PLAIN},
                        "PathParameterValues": [PLAIN],
                    },
                }
            ]
        },
    ),
    (
        "stepfunctions.state-machine",
        {
            "definition": json.dumps(
                {
                    "States": {
                        "A": {
                            "Parameters": {"Headers": {"x": PLAIN}, "apiKey": PLAIN, "Body": {"client_secret": PLAIN}}
                        }
                    }
                }
            )
        },
    ),
    (
        "emr.cluster",
        {
            "Configurations": [
                {
                    "Classification": "hive-site",
                    "Properties": {"javax.jdo.option.ConnectionPassword": PLAIN, "fs.s3a.secret.key": PLAIN},
                }
            ]
        },
    ),
    ("apigateway.rest-api", {"Stages": [{"stageName": "live", "variables": {"anything": PLAIN}}]}),
    ("glue.job", {"NonOverridableArguments": {"--anything": PLAIN}, "DefaultArguments": {"--x": PLAIN}}),
    ("glue.table", {"Parameters": {"connectionPassword": PLAIN, "url": f"jdbc:mysql://db/x?user=a&password={PLAIN}"}}),
    ("glue.database", {"Parameters": {"db.password": PLAIN}}),
    (
        "glue.database",
        {"ConnectionProperties": {"PASSWORD": PLAIN, "JDBC_CONNECTION_URL": f"jdbc:oracle:thin:a/{PLAIN}@h:1521:x"}},
    ),
    (
        "cloudformation.stack",
        {
            "StackStatus": "OK",
            "Parameters": [{"ParameterKey": "Db", "ParameterValue": PLAIN}],
            "Outputs": [{"OutputKey": "Out", "OutputValue": PLAIN}],
        },
    ),
    (
        "cloudformation.stack",
        {
            "StackStatus": "OK",
            "Parameters": [{"ParameterKey": "DbPassword", "ParameterValue": PLAIN}],
            "Description": f"logs in with {PLAIN}",
            "Outputs": [{"OutputKey": "Url", "OutputValue": f"app:{PLAIN}@db"}],
        },
    ),
    ("sns.subscription", {"Endpoint": f"https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/{PLAIN}"}),
    ("sns.subscription", {"Endpoint": f"https://example.com/hook?token={PLAIN}"}),
    ("lambda.function", {"Environment": {"Variables": {"ANYTHING": PLAIN}}}),
    ("ec2.instance", {"State": {"Name": "running"}, "UserData": PLAIN}),
    ("ec2.vpc", {"Tags": [{"Key": "db-password", "Value": PLAIN}]}),
    ("ec2.vpc", {"Secrets": [PLAIN], "Passwords": {"value": PLAIN}, "CredentialPin": 271828}),
)


@pytest.mark.parametrize(("name", "item"), PLACES)
def test_a_secret_without_a_form_is_told_by_its_place(name, item):
    kind = BY_NAME[name]
    base = full_item(kind)
    for change in (PLAIN, PLAIN + "-changed"):
        document = json.loads(json.dumps(item).replace(PLAIN, change))
        observation = observe(kind, scope_of(kind), copy.deepcopy(base) | document, partition="aws", salt=b"s")
        kept = kept_of(observation)
        assert change not in kept
        assert PLAIN not in kept
        assert "271828" not in kept
        assert "redacted:" in kept


def test_a_change_of_any_secret_is_seen_and_the_document_says_which_rule_hid_it():
    kind = BY_NAME["lambda.function"]

    def variables(**values):
        seen = observe(
            kind, scope_of(kind), full_item(kind) | {"Environment": {"Variables": values}}, partition="aws", salt=b"s"
        )
        return seen.document["Environment"]["Variables"]

    assert variables(A="one")["A"] == variables(A="one")["A"] != variables(A="two")["A"]
    assert variables(A="one")["A"].startswith("redacted:environment:")
    vpc = BY_NAME["ec2.vpc"]
    document = observe(
        vpc,
        scope_of(vpc),
        {"VpcId": "v", "Tags": {"t": FORMATS["github"][1], "api-key": "abc"}},
        partition="aws",
        salt=b"s",
    ).document
    assert document["Tags"]["t"].startswith("redacted:github-token:")
    assert document["Tags"]["api-key"].startswith("redacted:name:")


ORDINARY = (
    {"Tags": [{"Key": "environment", "Value": "production"}, {"Key": "git-commit", "Value": "4f2a" * 10}]},
    {"SecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf", "SecretStatus": "active"},
    {"secrets": [{"name": "DB_PASSWORD", "valueFrom": "/prod/db/password"}]},
    {"MasterUserPassword": "{{resolve:secretsmanager:prod/db:SecretString:password}}"},
    {"TokenKeyId": "k", "PasswordLastUsed": "2026-01-01T00:00:00Z", "AuthTokenEnabled": True, "NextToken": "abc"},
    {"AccessKeys": [{"AccessKeyId": "AKIA" + "ABCDEFGHIJKLMNOP", "Status": "Active"}]},
    {"Description": "Managed by Terraform: the password must be rotated; token buckets refill at 5/s, key: see wiki"},
    {"Digest": "sha256:" + "0123456789abcdef" * 4, "CodeSha256": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="},
    {
        "Cors": [{"AllowedHeaders": ["Authorization", "X-Api-Key"]}],
        "Headers": {"Quantity": 1, "Items": ["Authorization"]},
    },
    {
        "Policy": {
            "Statement": [
                {
                    "Action": ["secretsmanager:GetSecretValue", "sts:AssumeRole"],
                    "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
                }
            ]
        }
    },
    {"ScriptLocation": "s3://aws-glue-assets-111122223333-eu-west-1/scripts/load_orders_v2.py", "Port": 5432},
    {"Outputs": [{"OutputKey": "Vpc", "OutputValue": "vpc-0abc123def456789a"}]},
    {"Arn": "arn:aws:lambda:eu-west-1:111122223333:function:AWSServiceRoleForAutoScaling2026"},
    {
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1"},
        }
    },
    {
        "ResourceRecord": {
            "Name": "_x.example.com",
            "Type": "CNAME",
            "Value": "_c9edd76ee4a0e2a74388032f3861cc50.acm-validations.aws.",
        }
    },
    {"remoteAccess": {"ec2SshKey": "ops-keypair"}},
    {"Url": "https://example.com:8443/path@x?code=1&page=2", "Uri": "s3://bucket/a@b"},
)


@pytest.mark.parametrize("item", ORDINARY, ids=range(len(ORDINARY)))
def test_what_only_resembles_a_secret_stays_readable(item):
    kind = BY_NAME["ec2.vpc"]
    observation = observe(kind, scope_of(kind), {"VpcId": "vpc-1", **copy.deepcopy(item)}, partition="aws", salt=b"s")
    assert "redacted:" not in kept_of(observation)


def test_redaction_is_idempotent_for_every_format():
    kind = BY_NAME["ec2.vpc"]
    for name, (_, text) in (FORMATS | planted_in_free_text()).items():
        item = {"VpcId": "v", "Description": text, "Tags": {"password": text, "note": text}, "env": {"A": text}}
        once = observe(kind, scope_of(kind), item, partition="aws", salt=b"s").document
        again = observe(kind, scope_of(kind), copy.deepcopy(once), partition="aws", salt=b"s").document
        assert again == once, name
