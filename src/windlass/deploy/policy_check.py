"""Whether a policy is the least: calls that were made against what it allows. Pure.

A call needs actions on resources (`needs_of`). What a service does with our identity on its own (Lambda taking messages, Athena
reading logs) is in no call: those permissions are named, with the reason, by who asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from windlass.deploy.policy import Facts, Statement, document
from windlass.deploy.policy_calls import actions_of
from windlass.replication.policy import allows

__all__ = ["Need", "Verdict", "check", "needs_of"]


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """An action on a resource; the resource is `*` where the call does not tell it."""

    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Needs that the policy refuses, and (sid, action) pairs that no call needed."""

    missing: tuple[Need, ...]
    unused: tuple[tuple[str, str], ...]


def check(calls: Iterable[Mapping[str, Any]], statements: Sequence[Statement]) -> Verdict:
    """Compare calls, as the embedded AWS's log has them, with a policy."""
    needs = {need for call in calls for need in needs_of(call)}
    missing = sorted(need for need in needs if not _allowed(statements, need))
    used = {
        (one.sid, action)
        for one in statements
        for need in needs
        for action in one.actions
        if _covers(one, action, need)
    }
    every = {(one.sid, action) for one in statements for action in one.actions}
    return Verdict(tuple(missing), tuple(sorted(every - used)))


def _allowed(statements: Sequence[Statement], need: Need) -> bool:
    if need.resource != "*":
        return allows([document(statements)], need.action, need.resource)
    return any(need.action in one.actions for one in statements)


def _covers(one: Statement, action: str, need: Need) -> bool:
    if action != need.action:
        return False
    return need.resource == "*" or allows([document([one])], need.action, need.resource)


def needs_of(call: Mapping[str, Any]) -> Iterator[Need]:
    """What one call needs."""
    service, operation = call["service"], call["operation"]
    facts = Facts(account=call["account_id"], region=call["region"] or "us-east-1")
    resource = _resource(call, facts)
    for action in actions_of(service, operation, versioned=bool(call.get("versioned")) and not call.get("resource")):
        yield Need(action, resource)
    if service != "s3":
        return
    bucket, key = _place(call["path"])
    if key and operation in ("HeadObject", "GetObject") and call["status"] == 404:
        yield Need("s3:ListBucket", facts.bucket(bucket))  # without it, S3 says 403 where there is nothing
    if operation in ("CopyObject", "UploadPartCopy"):
        source = call["resource"].partition("?")[0]
        read = "s3:GetObjectVersion" if call["versioned"] else "s3:GetObject"
        yield Need(read, facts.arn("s3", source, region="", account=""))


def _resource(call: Mapping[str, Any], facts: Facts) -> str:
    named = str(call.get("resource") or "")
    match call["service"]:
        case "s3":
            bucket, key = _place(call["path"])
            if not bucket:
                return "*"
            return facts.arn("s3", f"{bucket}/{key}" if key else bucket, region="", account="")
        case "sqs" if named.startswith("http"):
            return facts.queue(named)
        case "sqs" if named and not named.startswith("arn:"):
            return facts.arn("sqs", named)
        case "dynamodb" if named:
            return facts.arn("dynamodb", f"table/{named}")
        case "iam" if named and not named.startswith("arn:"):
            return facts.arn("iam", f"role/{named}", region="")
    return named if named.startswith("arn:") else "*"


def _place(path: str) -> tuple[str, str]:
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return bucket, key
