"""IAM policy documents: what they allow, what is missing in them, and the difference as people read it. Pure.

Deliberately simple: actions and resources with wildcards, explicit denies first; conditions are taken as met for an allow
and as not met for a deny (preflight must not cry wolf). IAM's own word is final.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["Document", "Statement", "allows", "difference", "document", "merged", "missing", "trusts"]

Statement = Mapping[str, Any]
Document = Mapping[str, Any]
VERSION = "2012-10-17"


def document(statements: Iterable[Statement]) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": VERSION, "Statement": [dict(one) for one in statements]}


def allows(policies: Iterable[Document], action: str, resource: str, principal: str = "") -> bool:
    """Whether the policies together allow the action on the resource; with a `principal`, as a resource's policy does."""
    allowed = False
    for one in _statements(policies):
        if principal and not _meant(one, principal):
            continue
        if not (_matches(one.get("Action"), action, fold=True) and _matches(one.get("Resource"), resource)):
            continue
        if one.get("Effect") == "Deny":
            if not one.get("Condition"):
                return False
        else:
            allowed = True
    return allowed


def missing(
    policies: Sequence[Document], needed: Iterable[Statement], principal: str = ""
) -> tuple[dict[str, Any], ...]:
    """The statements, cut down to the actions and resources that the policies do not allow."""
    found = []
    for one in needed:
        lacking: dict[str, list[str]] = {}
        for action in _listed(one["Action"]):
            for resource in _listed(one["Resource"]):
                if not allows(policies, action, resource, principal):
                    lacking.setdefault(resource, []).append(action)
        for resource, actions in lacking.items():
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


def _meant(statement: Statement, principal: str) -> bool:
    """Whether a resource policy's statement is about this principal: itself, its account, or everybody."""
    said = statement.get("Principal")
    if said == "*":
        return True
    named = _listed(said.get("AWS", ())) if isinstance(said, Mapping) else ()
    account = principal.split(":")[4] if principal.count(":") >= 5 else principal
    return any(one in ("*", principal, account) or one.endswith(f"::{account}:root") for one in named)


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
