"""Every AWS operation that the replication package names is allowed by `windlass policy replication`."""

import ast
from pathlib import Path

import pytest

import windlass.replication
from tests import botocore_models
from tests.deploy.proving import statements_of
from windlass import wire
from windlass.deploy.policy import PolicyIdentity
from windlass.deploy.policy_calls import actions_of
from windlass.settings import Settings

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
CONFIG = {
    "estate": {"home_region": "eu-west-1", "regions": ["eu-west-1"], "accounts": [{"id": "123456789012"}]},
    "replicate": [
        {"name": "logs", "pairs": [["logs", "logs-copy"]], "preserve": ["acl", "lock", "redirect"]},
        {"name": "media", "pairs": [["media", "media-copy"]], "method": "emr"},
    ],
}
SERVICES = ("s3", "s3control", "iam", "kms", "cloudwatch", "emr", "emr-serverless")


def _trees(package):
    for file in sorted(Path(package.__path__[0]).rglob("*.py")):
        yield ast.parse(file.read_text("utf-8"))


def _wire_operations():
    """The S3 operation of each function of the wire that makes a call: `head` → HeadObject."""
    operations = {}
    for tree in _trees(wire):
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                is_call = isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Call" and call.args
                if is_call and isinstance(call.args[0], ast.Constant):
                    operations.setdefault(function.name, call.args[0].value)
    return operations


@pytest.fixture(scope="module")
def operations():
    """(service, operation) of every call that the package's source names: by its own name, or by the wire's function."""
    models = {name: set(botocore_models.service_model(name).operation_names) for name in SERVICES}
    models["s3control"] -= models["s3"]  # S3 on Outposts has operations of the same names
    by_function = _wire_operations()
    pairs = set()
    for tree in _trees(windlass.replication):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                pairs |= {(name, node.value) for name in SERVICES if node.value in models[name]}
            elif isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                owner = getattr(getattr(node.func, "value", None), "id", "")
                if name in by_function and (owner == "s3" or name.endswith("_acl")):
                    pairs.add(("s3", by_function[name]))
    return pairs


def test_the_scan_sees_calls_of_each_kind(operations):
    assert {
        ("s3", "GetBucketPolicy"),
        ("s3", "RestoreObject"),
        ("s3", "GetObjectAcl"),
        ("s3control", "CreateJob"),
        ("kms", "GetKeyPolicy"),
        ("iam", "PutRolePolicy"),
        ("emr", "AddJobFlowSteps"),
    } <= operations


def test_every_call_of_replication_is_in_its_policy(operations):
    statements = statements_of(
        Settings.model_validate(CONFIG), "replication", PolicyIdentity.OPERATOR, keys=[KEY], versions=True, restore=True
    )
    allowed = {action for statement in statements for action in statement.actions}
    needed = {action: call for call in operations for action in actions_of(*call)}
    missing = {action: call for action, call in needed.items() if action not in allowed}
    assert missing == {}


def test_restores_are_allowed_only_when_they_are_asked_for():
    def actions(**facts):
        statements = statements_of(Settings.model_validate(CONFIG), "replication", PolicyIdentity.OPERATOR, **facts)
        return {action for statement in statements for action in statement.actions}

    assert "s3:RestoreObject" not in actions()
    assert "s3:RestoreObject" in actions(restore=True)


def test_keys_that_are_not_named_may_be_looked_at_and_not_used():
    statements = statements_of(Settings.model_validate(CONFIG), "replication", PolicyIdentity.OPERATOR)
    on_keys = {
        action: statement.resources
        for statement in statements
        for action in statement.actions
        if action.startswith("kms:")
    }
    keys = ("arn:aws:kms:*:123456789012:key/*",)
    assert on_keys == {"kms:DescribeKey": keys, "kms:GetKeyPolicy": keys}
