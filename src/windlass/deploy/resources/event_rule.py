"""An EventBridge rule that sends a bucket's events to a queue.

`desired`: `pattern` (empty: the rule is deleted), `queue_arn`, `rule_arn`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall, find, name_conflict, tag_list, tags_of
from windlass.deploy.resources.rule import TARGETS_BEING_REMOVED
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "read", "update"]

_TARGET = "queue"


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the rule, its pattern and its targets."""
    rule = find(call, "events", "DescribeRule", Name=resource.name)
    if rule is None:
        return None
    targets = {
        target["Id"]: target["Arn"]
        for target in call("events", "ListTargetsByRule", Rule=resource.name).get("Targets", ())
    }
    tags = tags_of(call("events", "ListTagsForResource", ResourceARN=resource.desired["rule_arn"]).get("Tags"))
    actual = {"pattern": json.loads(rule.get("EventPattern") or "{}"), "targets": targets}
    return ExistingResource(
        resource.name, tags, actual, {"arn": rule["Arn"], "state": str(rule.get("ResourceState", "")).lower()}
    )


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
    """Create the rule, then its target."""
    return (_rule(resource, tags), _target(resource))


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update the pattern and target that differ; delete both when no rule is desired."""
    if not resource.desired["pattern"]:
        return delete(resource, existing, ours=ours)
    if not ours:
        raise name_conflict(resource)
    calls: list[DeploymentEffect] = []
    if existing.actual["pattern"] != resource.desired["pattern"]:
        calls.append(_rule(resource, {}))
    if existing.actual["targets"].get(_TARGET) != resource.desired["queue_arn"]:
        calls.append(_target(resource))
    return tuple(calls)


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete the targets, then the rule."""
    if not ours:
        return ()
    calls: list[DeploymentEffect] = []
    if existing.actual["targets"]:
        params = {"Rule": resource.name, "Ids": list(existing.actual["targets"])}
        calls.append(ApiCall(resource.purpose, "events", "RemoveTargets", params, f"targets of {resource.name}"))
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
    return tuple(calls)


def _rule(resource: StackResource, tags: Mapping[str, str]) -> ApiCall:
    params = {"Name": resource.name, "EventPattern": canonical_json(resource.desired["pattern"])}
    more = {"State": "ENABLED", "Tags": tag_list(tags)} if tags else {}
    return ApiCall(resource.purpose, "events", "PutRule", {**params, **more}, f"rule {resource.name}")


def _target(resource: StackResource) -> ApiCall:
    params = {"Rule": resource.name, "Targets": [{"Id": _TARGET, "Arn": resource.desired["queue_arn"]}]}
    return ApiCall(resource.purpose, "events", "PutTargets", params, f"{resource.name} sends to the queue")
