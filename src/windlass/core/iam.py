"""IAM policy documents: what they allow, what is missing in them, and the difference as people read it. Pure.

Actions, resources and principals with wildcards and their Not… forms, explicit denies first. The answer has three values: what
depends on conditions that nobody here can judge is unknown, and preflight says so. IAM's own word is final.
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
    """A policy document of these statements."""
    return {"Version": VERSION, "Statement": [dict(one) for one in statements]}


def evaluate(
    policies: Iterable[Document], action: str, resource: str, principal: str = "", context: Mapping[str, str] = NOTHING
) -> bool | None:
    """Whether the policies together allow the action on the resource; with a `principal`, as a resource's policy does.

    None where it depends on what is not known here: a condition whose key is not in `context` (keys in lower case), a policy
    variable, or which identity of the account calls.
    """
    allowed: bool | None = False
    denied: bool | None = False
    for one in _statements(policies):
        applies = _applies(one, action, resource, principal, context)
        if one.get("Effect") == "Deny":
            denied = _either(denied, applies)
        else:
            allowed = _either(allowed, applies)
    if denied or allowed is False:
        return False
    return None if denied is None or allowed is None else True


def allows(policies: Iterable[Document], action: str, resource: str, principal: str = "") -> bool:
    """True unless the policies do not allow it for certain."""
    return evaluate(policies, action, resource, principal) is not False


def missing(
    policies: Sequence[Document], needed: Iterable[Statement], principal: str = ""
) -> tuple[dict[str, Any], ...]:
    """The statements, cut down to the actions and resources that the policies do not allow."""
    return _cut_down(policies, needed, principal, False)


def uncertain(
    policies: Sequence[Document], needed: Iterable[Statement], principal: str = ""
) -> tuple[dict[str, Any], ...]:
    """The statements, cut down to the actions and resources of which it can't be told here whether the policies allow them."""
    return _cut_down(policies, needed, principal, None)


def _cut_down(
    policies: Sequence[Document], needed: Iterable[Statement], principal: str, answer: bool | None
) -> tuple[dict[str, Any], ...]:
    found = []
    for one in needed:
        context = {"aws:securetransport": "true"} | {
            key.lower(): _listed(value)[0]
            for values in (one.get("Condition") or {}).values()
            for key, value in values.items()
        }
        chosen: dict[str, list[str]] = {}
        for action in _listed(one["Action"]):
            for resource in _listed(one["Resource"]):
                if evaluate(policies, action, resource, principal, context) is answer:
                    chosen.setdefault(resource, []).append(action)
        for resource, actions in chosen.items():
            found.append({**one, "Action": actions, "Resource": resource})
    return tuple(found)


def trusts(trust: Document, service: str) -> bool:
    """Whether a role's trust policy lets the service assume it."""
    for one in _statements([trust]):
        principal = one.get("Principal") or {}
        services = _listed(principal.get("Service", ())) if isinstance(principal, Mapping) else ()
        if one.get("Effect") == "Allow" and service in services and _matches(one.get("Action"), "sts:AssumeRole"):
            return True
    return False


def merged(before: Document | None, added: Iterable[Statement]) -> dict[str, Any]:
    """The document with statements added; one with the same Sid takes the place of the old one."""
    new = [dict(one) for one in added]
    sids = {one["Sid"] for one in new if one.get("Sid")}
    kept = [dict(one) for one in _statements([before] if before else []) if one.get("Sid") not in sids]
    return {**(before or {"Version": VERSION}), "Statement": [*kept, *new]}


def difference(before: Document | None, after: Document, name: str) -> str:
    """The lines that come and go, as a unified diff; empty when nothing does."""
    old, new = (json.dumps(dict(one), indent=2, sort_keys=True).splitlines() if one else [] for one in (before, after))
    return "\n".join(difflib.unified_diff(old, new, f"{name} (now)", f"{name} (needed)", lineterm="", n=2))


def _statements(policies: Iterable[Document]) -> Iterable[Statement]:
    for one in policies:
        found = one.get("Statement") or []
        yield from [found] if isinstance(found, Mapping) else found


def _applies(
    statement: Statement, action: str, resource: str, principal: str, context: Mapping[str, str]
) -> bool | None:
    """Whether a statement is about this call; None where that is not known."""
    answers = [
        _chosen(statement, "Action", lambda patterns: _matches(patterns, action, fold=True)),
        _chosen(statement, "Resource", lambda patterns: _matches(patterns, resource)),
        _chosen(statement, "Principal", lambda named: _meant(named, principal)) if principal else True,
        *(
            _holds(operator, values, context.get(key.lower()))
            for operator, keys in (statement.get("Condition") or {}).items()
            for key, values in keys.items()
        ),
    ]
    return False if False in answers else None if None in answers else True


def _chosen(statement: Statement, name: str, matches: Callable[[Any], bool | None]) -> bool | None:
    """`Action`, or everything but `NotAction`."""
    if f"Not{name}" in statement:
        answer = matches(statement[f"Not{name}"])
        return None if answer is None else not answer
    return matches(statement.get(name))


def _meant(named: Any, principal: str) -> bool | None:
    """Whether a principal is among those named: by itself, its account, or everybody. An account's root stands for any of its own."""
    if named == "*":
        return True
    listed = _listed(named.get("AWS", ())) if isinstance(named, Mapping) else []
    account = principal.split(":")[4] if principal.count(":") >= 5 else principal
    if any(one in ("*", principal, account) or one.endswith(f"::{account}:root") for one in listed):
        return True
    somebody = principal == account or principal.endswith(":root")
    return None if somebody and any(f"::{account}:" in one for one in listed) else False


def _holds(operator: str, values: Any, value: str | None) -> bool | None:
    """Whether a condition holds; None for a key that is not known here, or an operator that is not judged."""
    wanted = [str(one).lower() if isinstance(one, bool) else str(one) for one in _every(values)]
    if value is None or any("${" in one for one in wanted):
        return None
    plain, _, _ = operator.rpartition(":")[2].partition("IfExists")
    if plain in ("StringEquals", "ArnEquals", "Bool"):
        return value in wanted
    if plain in ("StringLike", "ArnLike"):
        return _matches(wanted, value)
    if plain in ("StringNotEquals", "ArnNotEquals"):
        return value not in wanted
    if plain in ("StringNotLike", "ArnNotLike"):
        return not _matches(wanted, value)
    return None


def _either(one: bool | None, other: bool | None) -> bool | None:
    """Three-valued `or`."""
    return True if True in (one, other) else None if None in (one, other) else False


def _every(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _matches(patterns: Any, value: str, *, fold: bool = False) -> bool:
    if patterns is None:
        return False
    wanted = value.lower() if fold else value
    for one in _listed(patterns):
        pattern = (one.lower() if fold else one).replace("[", "[[]")
        if fnmatchcase(wanted, pattern):
            return True
    return False


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
