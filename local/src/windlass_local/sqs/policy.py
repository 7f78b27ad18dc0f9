"""Queue policies: what callers other than the owner may do, and AddPermission's and RemovePermission's statements.

Only the usual elements are evaluated: Effect, Principal, Action, Resource. A statement with a Condition
grants nothing to callers of the API here (conditions mostly name an AWS service as the sender, and services of the
embedded AWS deliver without a check); a Deny with one refuses nothing.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping, Sequence
from typing import Any

from windlass_local.sqs.errors import SqsError, invalid_value

__all__ = ["add_permission", "allows", "remove_permission"]

_SHAREABLE = (
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
)
_MAX_ACTIONS = 7


def allows(policy: str, *, account_id: str, action: str, queue_arn: str) -> bool:
    """True when `policy` lets `account_id` (not the owner) do `action` ("SendMessage") on the queue."""
    allowed = False
    for statement in _statements(policy):
        if "Condition" in statement or not _applies(statement, account_id, action, queue_arn):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def _applies(statement: Mapping[str, Any], account_id: str, action: str, queue_arn: str) -> bool:
    actions = [str(entry).lower() for entry in _as_list(statement.get("Action"))]
    resources = [str(entry) for entry in _as_list(statement.get("Resource", queue_arn))]
    return (
        _names_principal(statement.get("Principal"), account_id)
        and any(fnmatch.fnmatchcase(f"sqs:{action}".lower(), entry) or entry == "*" for entry in actions)
        and any(fnmatch.fnmatchcase(queue_arn, resource) for resource in resources)
    )


def _names_principal(principal: object, account_id: str) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    named = _as_list(principal.get("AWS"))
    return any(entry in ("*", account_id) or f"::{account_id}:" in str(entry) for entry in named)


def _statements(policy: str) -> list[dict[str, Any]]:
    if not policy:
        return []
    return [entry for entry in _as_list(json.loads(policy).get("Statement")) if isinstance(entry, dict)]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def add_permission(
    policy: str, *, label: str, account_ids: Sequence[str], actions: Sequence[str], queue_arn: str
) -> str:
    """Return `policy` with one more Allow statement whose Sid is `label`."""
    if len(actions) > _MAX_ACTIONS:
        raise SqsError("OverLimit", f"{len(actions)} Actions were found, maximum allowed is {_MAX_ACTIONS}.")
    for action in actions:
        if action not in _SHAREABLE:
            raise invalid_value(f"SQS:{action}", "ActionName", "Only the queue owner is allowed to invoke this action.")
    document = json.loads(policy) if policy else {"Version": "2012-10-17", "Id": f"{queue_arn}/SQSDefaultPolicy"}
    statements = _statements(policy)
    if any(statement.get("Sid") == label for statement in statements):
        raise invalid_value(label, "Label", "Already exists.")
    partition = queue_arn.split(":")[1]
    principals = [f"arn:{partition}:iam::{account_id}:root" for account_id in account_ids]
    names = [f"SQS:{action}" for action in actions]
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
        "Action": names if len(names) > 1 else names[0],
        "Resource": queue_arn,
    }
    return json.dumps({**document, "Statement": [*statements, statement]})


def remove_permission(policy: str, *, label: str) -> str:
    """Return `policy` without the statement `label`; "" when it was the last."""
    statements = _statements(policy)
    stored = [statement for statement in statements if statement.get("Sid") != label]
    if len(stored) == len(statements):
        raise invalid_value(label, "Label", "can't find label on existing policy.")
    return json.dumps({**json.loads(policy), "Statement": stored}) if stored else ""
