"""Bucket policies: does a statement apply to this caller, action and resource?

Evaluated as AWS does it: an explicit Deny wins, then an Allow; otherwise the policy does not decide. A key the request doesn't carry
meets negated and `...IfExists` operators only. An unknown condition operator counts as *not met* in an Allow and
as *met* in a Deny: never more access than AWS would give.
Source: AWS IAM user guide, "Policy evaluation logic" and "JSON policy elements".
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any


class Decision(Enum):
    """A policy's decision about one call."""

    ALLOW = "allow"
    DENY = "deny"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call: who (`account_id` "" = anonymous; `arns` names the caller is known by), the action, and the resource."""

    account_id: str
    arns: tuple[str, ...]
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The decision, and whether the Allow behind it was open to everyone."""

    verdict: Decision
    public: bool = False


def parse(document: bytes) -> list[dict[str, Any]]:
    """Return the statements of a policy document; [] when it isn't one."""
    try:
        policy = json.loads(document)
    except ValueError:
        return []
    statements = policy.get("Statement", []) if isinstance(policy, dict) else []
    return [entry for entry in _as_list(statements) if isinstance(entry, dict)]


def evaluate(document: bytes, question: Question) -> Evaluation:
    """Return the policy's decision about the call."""
    allowed, public = False, False
    for statement in parse(document):
        deny = statement.get("Effect") == "Deny"
        if not _applies(statement, question, deny=deny):
            continue
        if deny:
            return Evaluation(verdict=Decision.DENY)
        allowed, public = True, public or is_public_statement(statement)
    return Evaluation(verdict=Decision.ALLOW if allowed else Decision.SILENT, public=public)


def is_public(document: bytes) -> bool:
    """True when the policy makes its bucket public, as GetBucketPolicyStatus reports.

    Source: AWS docs, "The meaning of public": an Allow for everybody, unless a condition limits it to fixed accounts,
    organizations, VPCs or address ranges.
    """
    return any(is_public_statement(statement) for statement in parse(document))


_NARROWING = re.compile(
    r"aws:(sourcearn|sourceaccount|sourcevpc|sourcevpce|sourceip|principalorgid|principalaccount|principalarn|"
    r"sourceorgid|userid)|s3:dataaccesspointaccount|s3:dataaccesspointarn",
    re.IGNORECASE,
)


def is_public_statement(statement: Mapping[str, Any]) -> bool:
    """True when one statement allows everyone."""
    if statement.get("Effect") != "Allow" or "*" not in _principals(statement.get("Principal")):
        return False
    return not any(_narrows(keys) for keys in (statement.get("Condition") or {}).values())


def _narrows(keys: Mapping[str, Any]) -> bool:
    return any(
        _NARROWING.fullmatch(key)
        and not any(value in ("*", "0.0.0.0/0", "::/0") for value in map(str, _as_list(values)))
        for key, values in keys.items()
    )


def _applies(statement: Mapping[str, Any], question: Question, *, deny: bool) -> bool:
    return (
        _principal_matches(statement, question)
        and _element_matches(statement, "Action", question.action, fold_case=True)
        and _element_matches(statement, "Resource", question.resource, fold_case=False)
        and _conditions_met(statement.get("Condition") or {}, question.context, unknown=deny)
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, dict):
        return [str(entry) for entry in _as_list(principal.get("AWS"))]
    return [str(entry) for entry in _as_list(principal)]


def _principal_matches(statement: Mapping[str, Any], question: Question) -> bool:
    if "NotPrincipal" in statement:
        return not any(_names_caller(principal, question) for principal in _principals(statement["NotPrincipal"]))
    return any(_names_caller(principal, question) for principal in _principals(statement.get("Principal")))


def _names_caller(principal: str, question: Question) -> bool:
    if principal == "*":
        return True
    if not question.account_id:
        return False
    if principal in (question.account_id, f"arn:aws:iam::{question.account_id}:root"):
        return True
    return principal in question.arns


def _element_matches(statement: Mapping[str, Any], element: str, value: str, *, fold_case: bool) -> bool:
    if element in statement:
        return any(like(str(entry), value, fold_case=fold_case) for entry in _as_list(statement[element]))
    negated = _as_list(statement.get(f"Not{element}"))
    return bool(negated) and not any(like(str(entry), value, fold_case=fold_case) for entry in negated)


@lru_cache(maxsize=4096)
def _pattern(pattern: str, fold_case: bool) -> re.Pattern[str]:
    source = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(source, re.DOTALL | (re.IGNORECASE if fold_case else 0))


def like(pattern: str, value: str, *, fold_case: bool = False) -> bool:
    """Match with IAM's wildcards: `*` any run of characters (also `/`), `?` one."""
    return _pattern(pattern, fold_case).fullmatch(value) is not None


def _in_network(value: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, expected: actual == expected,
    "StringEqualsIgnoreCase": lambda actual, expected: actual.lower() == expected.lower(),
    "StringLike": lambda actual, expected: like(expected, actual),
    "ArnEquals": lambda actual, expected: like(expected, actual),
    "ArnLike": lambda actual, expected: like(expected, actual),
    "Bool": lambda actual, expected: actual.lower() == expected.lower(),
    "IpAddress": _in_network,
    "NumericEquals": lambda actual, expected: _number(actual) == _number(expected),
    "NumericLessThan": lambda actual, expected: _number(actual) < _number(expected),
    "NumericLessThanEquals": lambda actual, expected: _number(actual) <= _number(expected),
    "NumericGreaterThan": lambda actual, expected: _number(actual) > _number(expected),
    "NumericGreaterThanEquals": lambda actual, expected: _number(actual) >= _number(expected),
}
_NEGATED: Mapping[str, str] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
}


def _conditions_met(conditions: Mapping[str, Any], context: Mapping[str, str], *, unknown: bool) -> bool:
    folded = {key.lower(): value for key, value in context.items()}
    return all(
        _condition_met(
            operator, folded.get(key.lower()), [str(entry) for entry in _as_list(requested)], unknown=unknown
        )
        for operator, keys in conditions.items()
        for key, requested in keys.items()
    )


def _condition_met(operator: str, actual: str | None, requested: list[str], *, unknown: bool) -> bool:
    name = operator.removesuffix("IfExists")
    if name == "Null":
        return (actual is None) == (requested == ["true"])
    if actual is None:
        # A negated operator holds for an absent key (AWS docs, "Condition operators"); others don't, except IfExists.
        return name in _NEGATED or name != operator
    values = [entry.lower() if entry in ("True", "False") else entry for entry in requested]
    if name in _NEGATED:
        return not any(_OPERATORS[_NEGATED[name]](actual, value) for value in values)
    if name in _OPERATORS:
        return any(_OPERATORS[name](actual, value) for value in values)
    return unknown
