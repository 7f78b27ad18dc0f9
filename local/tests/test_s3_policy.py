"""Bucket policies, read as AWS reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from windlass_local.s3.policy import Decision, Question, evaluate, is_public, like

A, B = "111111111111", "222222222222"


def policy(*statements: dict[str, Any]) -> bytes:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode()


def allow(
    principal: Any = "*", action: Any = "s3:GetObject", resource: Any = "arn:aws:s3:::box/*", **more: Any
) -> dict:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}


def ask(account_id: str = B, action: str = "s3:GetObject", key: str = "/in/a", **context: str) -> Question:
    arns = (f"arn:aws:sts::{account_id}:assumed-role/reader/me", f"arn:aws:iam::{account_id}:role/reader")
    resource = f"arn:aws:s3:::box{key}"
    return Question(account_id=account_id, arns=arns, action=action, resource=resource, context=context)


def verdict(document: bytes, question: Question) -> Decision:
    return evaluate(document, question).verdict


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "*"}, {"AWS": B}, {"AWS": f"arn:aws:iam::{B}:root"}, {"AWS": [A, f"arn:aws:iam::{B}:role/reader"]}],
)
def test_each_way_to_name_a_principal(principal: Any) -> None:
    assert verdict(policy(allow(principal)), ask()) is Decision.ALLOW


def test_another_account_or_role_is_not_meant() -> None:
    assert verdict(policy(allow({"AWS": A})), ask()) is Decision.SILENT
    assert verdict(policy(allow({"AWS": f"arn:aws:iam::{B}:role/writer"})), ask()) is Decision.SILENT
    assert verdict(policy(allow({"Service": "logging.s3.amazonaws.com"})), ask()) is Decision.SILENT


def test_only_everybody_includes_the_anonymous() -> None:
    nobody = Question(account_id="", arns=(), action="s3:GetObject", resource="arn:aws:s3:::box/in/a")
    assert verdict(policy(allow("*")), nobody) is Decision.ALLOW
    assert verdict(policy(allow({"AWS": B})), nobody) is Decision.SILENT


def test_deny_wins_wherever_it_stands() -> None:
    deny = {**allow("*"), "Effect": "Deny"}
    assert verdict(policy(deny, allow("*")), ask()) is Decision.DENY
    assert verdict(policy(allow("*"), deny), ask()) is Decision.DENY


def test_wildcards_in_actions_and_resources() -> None:
    document = policy(allow(action="s3:get*", resource="arn:aws:s3:::box/in/?"))
    assert verdict(document, ask()) is Decision.ALLOW
    assert verdict(document, ask(key="/in/ab")) is Decision.SILENT
    assert verdict(document, ask(action="s3:PutObject")) is Decision.SILENT
    assert like("arn:*:box/*", "arn:aws:s3:::box/a/b/c")
    assert not like("box", "boxes")


def test_not_action_and_not_principal() -> None:
    document = policy({"Effect": "Deny", "NotPrincipal": {"AWS": A}, "NotAction": "s3:Get*", "Resource": "*"})
    assert verdict(document, ask(action="s3:PutObject")) is Decision.DENY
    assert verdict(document, ask(account_id=A, action="s3:PutObject")) is Decision.SILENT
    assert verdict(document, ask()) is Decision.SILENT


@pytest.mark.parametrize(
    ("condition", "context", "met"),
    [
        ({"StringEquals": {"aws:PrincipalAccount": B}}, {"aws:PrincipalAccount": B}, True),
        ({"StringEquals": {"aws:principalaccount": [A, "x"]}}, {"aws:PrincipalAccount": B}, False),
        ({"StringNotEquals": {"s3:prefix": "secret/"}}, {}, True),
        ({"StringLike": {"s3:prefix": "home/*"}}, {"s3:prefix": "home/me"}, True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {"aws:SourceIp": "127.0.0.1"}, True),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:SourceIp": "127.0.0.1"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws:SecureTransport": "true"}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": "9"}, True),
        ({"Null": {"s3:x-amz-acl": "true"}}, {}, True),
        ({"StringEqualsIfExists": {"s3:x-amz-acl": "private"}}, {}, True),
        ({"StringEquals": {"s3:x-amz-acl": "private"}}, {}, False),
    ],
)
def test_conditions(condition: Any, context: dict[str, str], met: bool) -> None:
    assert verdict(policy(allow(Condition=condition)), ask(**context)) is (Decision.ALLOW if met else Decision.SILENT)


def test_an_unknown_condition_never_gives_access() -> None:
    odd = {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}
    now = {"aws:CurrentTime": "2026-01-01T00:00:00Z"}
    assert verdict(policy(allow(Condition=odd)), ask(**now)) is Decision.SILENT
    assert verdict(policy({**allow(Condition=odd), "Effect": "Deny"}), ask(**now)) is Decision.DENY


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        (allow("*"), True),
        (allow({"AWS": ["*"]}), True),
        (allow({"AWS": B}), False),
        ({**allow("*"), "Effect": "Deny"}, False),
        (allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), False),
        (allow("*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), False),
        (allow("*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), True),
        (allow("*", Condition={"StringLike": {"aws:Referer": "https://example.com/*"}}), True),
    ],
)
def test_what_public_means(statement: dict[str, Any], public: bool) -> None:
    assert is_public(policy(statement)) is public


def test_an_invalid_policy_allows_nothing() -> None:
    assert verdict(b"not json", ask()) is Decision.SILENT
    assert verdict(b"[]", ask()) is Decision.SILENT
