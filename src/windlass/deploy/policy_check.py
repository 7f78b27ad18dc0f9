"""The check of a policy's least privilege: recorded calls are compared with what the policy allows. Pure.

A call needs actions on resources (`needs_of`): for the call itself, for tagging what it creates, and for passing roles.
Services also act with our identity on their own (Lambda receives messages, Athena reads logs). No call shows those
permissions: the caller of the check lists them, with the reason.

Resources are compared where a request names them: buckets and objects, queues, tables, roles, functions and their mappings,
rules, log groups, distributions, EMR's clusters, applications and runs, batch jobs, trails, cache clusters, workgroups, stacks,
keys, topics and file shares. They are not compared where the request has no resource (an Athena query by its id; any listing),
where the resource has no id yet (a new batch job), and where a second resource is checked beside the named one (a cache
cluster's parameter group). Conditions are assumed to be met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from windlass.core.iam import allows
from windlass.deploy.policy import PolicyFacts, Statement, document, role_arn
from windlass.deploy.policy_calls import actions_of, tagging_of

__all__ = ["Need", "PolicyComparison", "check", "needs_of"]

_ARNS: Mapping[str, str] = {
    "athena": "workgroup/{}",
    "cloudformation": "stack/{}/*",
    "cloudtrail": "trail/{}",
    "dynamodb": "table/{}",
    "elasticache": "cluster:{}",
    "elasticmapreduce": "cluster/{}",
    "emr-serverless": "{}",
    "events": "rule/{}",
    "kms": "key/{}",
    "lambda": "{}",
    "logs": "log-group:{}",
    "s3control": "{}",
    "sqs": "{}",
}
"""The resource part of a service's ARNs, by the request parameter that names it."""
_GLOBAL: Mapping[str, str] = {"cloudfront": "{}", "iam": "role/{}"}
"""The same for services without regions."""
_SERVICE: Mapping[str, str] = {"s3control": "s3"}


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """An action on a resource; the resource is `*` if the call does not name it."""

    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    """The needs that the policy does not allow, and the (sid, action) pairs that no call needed."""

    missing: tuple[Need, ...]
    unused: tuple[tuple[str, str], ...]


def check(calls: Iterable[Mapping[str, Any]], statements: Sequence[Statement]) -> PolicyComparison:
    """Compare calls from the embedded AWS's log with a policy."""
    needs = {need for call in calls for need in needs_of(call)}
    missing = sorted(need for need in needs if not _allowed(statements, need))
    used = {
        (statement.sid, action)
        for statement in statements
        for need in needs
        for action in statement.actions
        if _covers(statement, action, need)
    }
    every = {(statement.sid, action) for statement in statements for action in statement.actions}
    return PolicyComparison(tuple(missing), tuple(sorted(every - used)))


def _allowed(statements: Sequence[Statement], need: Need) -> bool:
    if need.resource != "*":
        return allows([document(statements)], need.action, need.resource)
    return any(need.action in statement.actions for statement in statements)


def _covers(statement: Statement, action: str, need: Need) -> bool:
    if action != need.action:
        return False
    return need.resource == "*" or allows([document([statement])], need.action, need.resource)


def needs_of(call: Mapping[str, Any]) -> Iterator[Need]:
    """Yield the needs of one call."""
    service, operation = call["service"], call["operation"]
    facts = PolicyFacts(account=call["account_id"], region=call["region"] or "us-east-1")
    resource = _resource(call, facts)
    actions = actions_of(service, operation, versioned=bool(call.get("versioned")) and not call.get("resource"))
    for action in (*actions, *(tagging_of(service, operation) if call["tagged"] else ())):
        yield Need(action, resource)
    for role in call["roles"]:
        yield Need("iam:PassRole", role_arn(facts, role))
    if service != "s3":
        return
    bucket, key = _place(call["path"])
    if key and operation in ("HeadObject", "GetObject") and call["status"] == 404:
        yield Need("s3:ListBucket", facts.bucket(bucket))  # without it, S3 answers 403 for a missing key
    if operation in ("CopyObject", "UploadPartCopy"):
        source = call["resource"].partition("?")[0]
        read = "s3:GetObjectVersion" if call["versioned"] else "s3:GetObject"
        yield Need(read, facts.arn("s3", source, region="", account=""))


def _resource(call: Mapping[str, Any], facts: PolicyFacts) -> str:
    service, named = call["service"], str(call["resource"])
    if service == "s3":
        bucket, key = _place(call["path"])
        if not bucket:
            return "*"
        return facts.arn("s3", f"{bucket}/{key}" if key else bucket, region="", account="")
    if (service, call["operation"]) == ("logs", "DescribeLogGroups"):
        return facts.arn("logs", "log-group::log-stream:")  # the action's resource, for any requested prefix
    if named.startswith("arn:"):
        return named
    if named and service in _ARNS:
        if named.startswith("http"):  # a queue's URL
            return facts.queue(named)
        return facts.arn(_SERVICE.get(service, service), _ARNS[service].format(named))
    if named and service in _GLOBAL:
        return facts.arn(service, _GLOBAL[service].format(named), region="")
    return "*"


def _place(path: str) -> tuple[str, str]:
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return bucket, key
