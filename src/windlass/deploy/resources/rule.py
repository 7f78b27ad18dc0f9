"""An EventBridge rule that invokes a function, on a schedule or for events.

`desired`: `trigger` (a `ScheduleExpression` or an `EventPattern`; empty: the rule is deleted), `sid` of the function's
permission, `function`, `function_arn`, `rule_arn`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall, find, name_conflict, tag_list, tags_of
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["TARGETS_BEING_REMOVED", "create", "delete", "read", "update"]

_TARGET = "function"
TARGETS_BEING_REMOVED = ("has targets", "ConcurrentModificationException")
"""EventBridge may still report targets that were just removed."""
_PERMITTED = ("provided already exists",)
"""A rule that was deleted manually leaves its permission, with the same id and rule ARN."""


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the rule, its target and its permission to invoke it."""
    rule = find(call, "events", "DescribeRule", Name=resource.name)
    if rule is None:
        return None
    targets = call("events", "ListTargetsByRule", Rule=resource.name).get("Targets", ())
    policy = find(call, "lambda", "GetPolicy", FunctionName=resource.desired["function"])
    statements = json.loads(policy["Policy"])["Statement"] if policy else ()
    tags = tags_of(call("events", "ListTagsForResource", ResourceARN=resource.desired["rule_arn"]).get("Tags"))
    pattern = json.loads(rule["EventPattern"]) if rule.get("EventPattern") else None
    every = {"ScheduleExpression": rule.get("ScheduleExpression"), "EventPattern": pattern}
    actual = {
        "trigger": {name: value for name, value in every.items() if value},
        "target": {target["Id"]: target["Arn"] for target in targets}.get(_TARGET),
        "others": [target["Id"] for target in targets if target["Id"] != _TARGET],
        "permitted": any(statement.get("Sid") == resource.desired["sid"] for statement in statements),
    }
    return ExistingResource(
        resource.name, tags, actual, {"arn": rule["Arn"], "state": str(rule.get("ResourceState", "")).lower()}
    )


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
    """Create the rule, the permission, then the target."""
    return (_rule(resource, {"State": "ENABLED", "Tags": tag_list(tags)}), _permission(resource), _target(resource))


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update what differs of rule, permission and target; delete all three when no rule is desired."""
    if not resource.desired["trigger"]:
        return delete(resource, existing, ours=ours)
    if not ours:
        raise name_conflict(resource)
    calls: list[DeploymentEffect] = []
    if existing.actual["trigger"] != resource.desired["trigger"]:
        calls.append(_rule(resource, {}))
    if not existing.actual["permitted"]:
        calls.append(_permission(resource))
    if existing.actual["target"] != resource.desired["function_arn"]:
        calls.append(_target(resource))
    return tuple(calls)


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete the target, the rule and the permission."""
    if not ours:
        return ()
    ids = [*([_TARGET] if existing.actual["target"] else []), *existing.actual["others"]]
    calls: list[DeploymentEffect] = []
    if ids:
        calls.append(
            ApiCall(
                resource.purpose,
                "events",
                "RemoveTargets",
                {"Rule": resource.name, "Ids": ids},
                f"targets of {resource.name}",
            )
        )
    calls.append(
        ApiCall(
            resource.purpose,
            "events",
            "DeleteRule",
            {"Name": resource.name},
            f"rule {resource.name}",
            TARGETS_BEING_REMOVED,
        )
    )
    if existing.actual["permitted"]:
        params = {"FunctionName": resource.desired["function"], "StatementId": resource.desired["sid"]}
        calls.append(
            ApiCall(resource.purpose, "lambda", "RemovePermission", params, "its permission to invoke the function")
        )
    return tuple(calls)


def _rule(resource: StackResource, more: Mapping[str, Any]) -> ApiCall:
    trigger = {
        name: value if isinstance(value, str) else canonical_json(value)
        for name, value in resource.desired["trigger"].items()
    }
    params = {"Name": resource.name, **trigger, **more}
    return ApiCall(
        resource.purpose, "events", "PutRule", params, f"rule {resource.name}, {', '.join(trigger.values())}"
    )


def _permission(resource: StackResource) -> ApiCall:
    params = {
        "FunctionName": resource.desired["function"],
        "StatementId": resource.desired["sid"],
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": resource.desired["rule_arn"],
    }
    why = f"{resource.name} may invoke the function"
    return ApiCall(resource.purpose, "lambda", "AddPermission", params, why, success_on=_PERMITTED)


def _target(resource: StackResource) -> ApiCall:
    params = {"Rule": resource.name, "Targets": [{"Id": _TARGET, "Arn": resource.desired["function_arn"]}]}
    return ApiCall(
        resource.purpose, "events", "PutTargets", params, f"{resource.name} calls {resource.desired['function']}"
    )
