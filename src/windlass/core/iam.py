"""The IAM policy evaluator: what policies allow, what is missing, and their difference as text. Pure.

It knows actions, resources and principals with wildcards and their Not… forms; an explicit deny wins. The result has
three values: None when it depends on a condition that cannot be evaluated here. IAM alone is authoritative.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

__all__ = [
    "Document",
    "Statement",
    "allows",
    "difference",
    "document",
    "evaluate",
    "merged",
    "missing",
    "trusts",
    "uncertain",
]

Statement = Mapping[str, Any]
Document = Mapping[str, Any]
VERSION = "2012-10-17"
NOTHING: Mapping[str, str] = {}


def document(statements: Iterable[Statement]) -> dict[str, Any]:
    """Return a policy document of these statements."""
    return {"Version": VERSION, "Statement": [dict(statement) for statement in statements]}


def evaluate(
    policies: Iterable[Document], action: str, resource: str, principal: str = "", context: Mapping[str, str] = NOTHING
) -> bool | None:
    """Return whether the policies together allow the action on the resource; with a `principal`, as a resource's
    policy.

    None when it depends on something unknown: a condition whose key is not in `context` (keys in lower case), a policy
    variable, or which identity of the account calls.
    """
    allowed: bool | None = False
    denied: bool | None = False
    for statement in _statements(policies):
        applies = _applies(statement, action, resource, principal, context)
        if statement.get("Effect") == "Deny":
            denied = _either(denied, applies)
        else:
            allowed = _either(allowed, applies)
    if denied or allowed is False:
        return False
    return None if denied is None or allowed is None else True


def allows(policies: Iterable[Document], action: str, resource: str, principal: str = "") -> bool:
    """Return False only when the policies certainly do not allow it."""
    return evaluate(policies, action, resource, principal) is not False


def missing(
    policies: Sequence[Document], needed: Iterable[Statement], principal: str = ""
) -> tuple[dict[str, Any], ...]:
    """Return the needed statements reduced to the actions and resources that the policies do not allow."""
    return _cut_down(policies, needed, principal, False)


def uncertain(
    policies: Sequence[Document], needed: Iterable[Statement], principal: str = ""
) -> tuple[dict[str, Any], ...]:
    """Return the needed statements reduced to the actions and resources whose permission is unknown."""
    return _cut_down(policies, needed, principal, None)


def _cut_down(
    policies: Sequence[Document], needed: Iterable[Statement], principal: str, response: bool | None
) -> tuple[dict[str, Any], ...]:
    missing_statements = []
    for statement in needed:
        context = {"aws:securetransport": "true"} | {
            key.lower(): _listed(value)[0]
            for values in (statement.get("Condition") or {}).values()
            for key, value in values.items()
        }
        chosen: dict[str, list[str]] = {}
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                if evaluate(policies, action, resource, principal, context) is response:
                    chosen.setdefault(resource, []).append(action)
        for resource, actions in chosen.items():
            missing_statements.append({**statement, "Action": actions, "Resource": resource})
    return tuple(missing_statements)


def trusts(trust: Document, service: str) -> bool:
    """Return whether a role's trust policy lets the service assume it."""
    for statement in _statements([trust]):
        principal = statement.get("Principal") or {}
        services = _listed(principal.get("Service", ())) if isinstance(principal, Mapping) else ()
        if (
            statement.get("Effect") == "Allow"
            and service in services
            and _matches(statement.get("Action"), "sts:AssumeRole")
        ):
            return True
    return False


def merged(before: Document | None, added: Iterable[Statement]) -> dict[str, Any]:
    """Return the document with statements added; one with the same Sid replaces the old one."""
    new = [dict(statement) for statement in added]
    sids = {statement["Sid"] for statement in new if statement.get("Sid")}
    kept = [
        dict(statement) for statement in _statements([before] if before else []) if statement.get("Sid") not in sids
    ]
    return {**(before or {"Version": VERSION}), "Statement": [*kept, *new]}


def difference(before: Document | None, after: Document, name: str) -> str:
    """Return a unified diff of the two documents; empty when they are equal."""
    old, new = (
        json.dumps(dict(policy), indent=2, sort_keys=True).splitlines() if policy else [] for policy in (before, after)
    )
    return "\n".join(difflib.unified_diff(old, new, f"{name} (now)", f"{name} (needed)", lineterm="", n=2))


def _statements(policies: Iterable[Document]) -> Iterable[Statement]:
    for policy in policies:
        statements = policy.get("Statement") or []
        yield from [statements] if isinstance(statements, Mapping) else statements


def _applies(
    statement: Statement, action: str, resource: str, principal: str, context: Mapping[str, str]
) -> bool | None:
    """Return whether a statement applies to this call; None when that is unknown."""
    responses = [
        _chosen(statement, "Action", lambda patterns: _matches(patterns, action, fold=True)),
        _chosen(statement, "Resource", lambda patterns: _matches(patterns, resource)),
        _chosen(statement, "Principal", lambda named: _meant(named, principal)) if principal else True,
        *(
            _holds(operator, values, context.get(key.lower()))
            for operator, keys in (statement.get("Condition") or {}).items()
            for key, values in keys.items()
        ),
    ]
    return False if False in responses else None if None in responses else True


def _chosen(statement: Statement, name: str, matches: Callable[[Any], bool | None]) -> bool | None:
    """Match `Action`, or everything except `NotAction`; the same for the other members."""
    if f"Not{name}" in statement:
        response = matches(statement[f"Not{name}"])
        return None if response is None else not response
    return matches(statement.get(name))


def _meant(named: Any, principal: str) -> bool | None:
    """Return whether a principal is named: itself, its account, or every principal. An account's root stands for its
    identities.
    """
    if named == "*":
        return True
    listed = _listed(named.get("AWS", ())) if isinstance(named, Mapping) else []
    account = principal.split(":")[4] if principal.count(":") >= 5 else principal
    if any(name in ("*", principal, account) or name.endswith(f"::{account}:root") for name in listed):
        return True
    is_account = principal == account or principal.endswith(":root")
    return None if is_account and any(f"::{account}:" in name for name in listed) else False


def _holds(operator: str, values: Any, value: str | None) -> bool | None:
    """Return whether a condition holds; None for an unknown key, or an operator that is not evaluated."""
    expected = [str(item).lower() if isinstance(item, bool) else str(item) for item in _every(values)]
    if value is None or any("${" in item for item in expected):
        return None
    plain, _, _ = operator.rpartition(":")[2].partition("IfExists")
    if plain in ("StringEquals", "ArnEquals", "Bool"):
        return value in expected
    if plain in ("StringLike", "ArnLike"):
        return _matches(expected, value)
    if plain in ("StringNotEquals", "ArnNotEquals"):
        return value not in expected
    if plain in ("StringNotLike", "ArnNotLike"):
        return not _matches(expected, value)
    return None


def _either(left: bool | None, other: bool | None) -> bool | None:
    """Three-valued `or`."""
    return True if True in (left, other) else None if None in (left, other) else False


def _every(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _matches(patterns: Any, value: str, *, fold: bool = False) -> bool:
    if patterns is None:
        return False
    text = value.lower() if fold else value
    for wildcard in _listed(patterns):
        pattern = (wildcard.lower() if fold else wildcard).replace("[", "[[]")
        if fnmatchcase(text, pattern):
            return True
    return False


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
