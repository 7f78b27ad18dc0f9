import copy
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.inventory.catalog import BY_NAME
from windlass.inventory.model import Scope
from windlass.inventory.observations import observe
from windlass.inventory.redaction import redact

SECRET = "hunter2-correct-horse"


def seen(kind, item, **options):
    scope = Scope("111111111111", "eu-west-1", kind)
    return observe(BY_NAME[kind], scope, item, partition="aws", salt=b"salt", **options)


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        (
            "lambda.function",
            {
                "FunctionName": "f",
                "FunctionArn": "arn:aws:lambda:r:1:function:f",
                "Environment": {"Variables": {"DB": SECRET}},
            },
        ),
        ("ec2.instance", {"InstanceId": "i-1", "State": {"Name": "running"}, "UserData": SECRET}),
        (
            "ecs.task-definition",
            {
                "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/t:1",
                "containerDefinitions": [{"name": "a", "environment": [{"name": "K", "value": SECRET}]}],
            },
        ),
        ("glue.job", {"Name": "j", "DefaultArguments": {"--password": SECRET}}),
        (
            "cloudformation.stack",
            {
                "StackName": "s",
                "StackId": "arn:aws:cloudformation:r:1:stack/s/1",
                "StackStatus": "OK",
                "Parameters": [{"ParameterKey": "Db", "ParameterValue": SECRET}],
            },
        ),
        ("ec2.vpc", {"VpcId": "v", "Tags": [{"Key": "url", "Value": f"postgres://app:{SECRET}@db/x"}]}),
    ],
)
def test_no_secret_is_in_what_reaches_the_store(kind, item):
    found = seen(kind, item)
    kept = json.dumps([found.document, dict(found.tags), found.name, [edge.target for edge in found.edges]])
    assert SECRET not in kept
    assert "redacted:" in kept


def test_configured_paths_are_redacted_in_the_document_and_in_the_tags_beside_it():
    item = {"VpcId": "v", "Tags": [{"Key": "pin", "Value": SECRET}, {"Key": "team", "Value": "web"}]}
    found = seen("ec2.vpc", item, redact_paths=["Tags.pin"])
    assert found.tags["pin"].startswith("redacted:")
    assert found.document["Tags"] == found.tags
    assert found.tags["team"] == "web"


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_change_is_seen_a_repeat_is_not(one, other):
    def hashed(value, salt=b"store"):
        return redact({"a": {"k": value}}, ["a.*"], salt=salt)["a"]["k"]

    assert hashed(one) == hashed(one)
    assert (hashed(one) == hashed(other)) == (one == other)
    assert hashed(one) != hashed(one, salt=b"another store")
    assert re.fullmatch("redacted:declared:[0-9a-f]{16}", hashed(one))


def test_redacting_twice_is_redacting_once():
    once = redact({"a": "secret"}, ["a"], salt=b"s")
    assert redact(copy.deepcopy(once), ["a"], salt=b"s") == once


def test_a_value_that_only_looks_redacted_is_redacted():
    assert SECRET not in redact({"a": f"redacted:{SECRET}"}, ["a"], salt=b"s")["a"]


@pytest.mark.parametrize("url", ["https://me:p4ss@host/x", "see redis://:p4ss@cache:6379 there", "AMQPS://u:p4ss@h"])
def test_passwords_in_urls_go_wherever_they_are(url):
    kept = redact({"deep": [{"er": url}]}, [], salt=b"s")["deep"][0]["er"]
    assert "p4ss" not in kept
    assert kept.split("redacted:")[0] == url.split("p4ss")[0]


@pytest.mark.parametrize(
    "text", ["s3://bucket/a@b", "mailto:me@example.com", "https://host:8443/path@x", "arn:aws:s3:::a"]
)
def test_what_has_no_password_stays_as_it_is(text):
    assert redact({"a": text}, [], salt=b"s") == {"a": text}


def test_a_path_that_is_not_there_changes_nothing():
    assert redact({"a": 1}, ["b.c", "a.*", "*.x"], salt=b"s") == {"a": 1}
