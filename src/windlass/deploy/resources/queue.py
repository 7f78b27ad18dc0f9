"""A queue. `desired`: `attributes` (RedrivePolicy as a mapping) and the `statements` that its policy must have, by Sid.

A queue of others is used unchanged, except for our statements in its policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall, find
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "messages", "read", "update"]

_DELETED_RECENTLY = ("QueueDeletedRecently", "wait 60 seconds")
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the queue, its attributes and its policy."""
    location = find(call, "sqs", "GetQueueUrl", QueueName=resource.name)
    if location is None:
        return None
    url = location["QueueUrl"]
    response = find(call, "sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    if response is None:
        return None
    attributes: dict[str, Any] = dict(response["Attributes"])
    actual: dict[str, Any] = {name: attributes[name] for name in resource.desired["attributes"] if name in attributes}
    if "RedrivePolicy" in actual:
        redrive = json.loads(actual["RedrivePolicy"])
        actual["RedrivePolicy"] = redrive | {"maxReceiveCount": int(redrive["maxReceiveCount"])}
    policy = json.loads(attributes["Policy"]) if attributes.get("Policy") else {}
    tags = call("sqs", "ListQueueTags", QueueUrl=url).get("Tags", {})
    facts = {
        "url": url,
        "arn": attributes["QueueArn"],
        "messages": sum(int(attributes.get(count, 0)) for count in _COUNTS),
    }
    return ExistingResource(url, tags, {"attributes": actual, "policy": policy}, facts)


def messages(existing: ExistingResource) -> int:
    """Return the approximate number of messages: visible, in flight and delayed."""
    return int(existing.facts["messages"])


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
    """Create the queue with all attributes in one call."""
    attributes = _texts(resource.desired["attributes"])
    if resource.desired["statements"]:
        attributes["Policy"] = canonical_json(_merged({}, resource.desired["statements"]))
    params = {"QueueName": resource.name, "Attributes": attributes, "tags": dict(tags)}
    return (ApiCall(resource.purpose, "sqs", "CreateQueue", params, f"queue {resource.name}", _DELETED_RECENTLY),)


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update the attributes of our own queue, and our policy statements in any queue."""
    actual = existing.actual["attributes"]
    desired = resource.desired["attributes"] if ours else {}
    attributes = _texts({name: value for name, value in desired.items() if actual.get(name) != value})
    policy = _merged(existing.actual["policy"], resource.desired["statements"])
    if resource.desired["statements"] and policy != existing.actual["policy"]:
        attributes["Policy"] = canonical_json(policy)
    if not attributes:
        return ()
    params = {"QueueUrl": existing.id, "Attributes": attributes}
    return (
        ApiCall(resource.purpose, "sqs", "SetQueueAttributes", params, f"{', '.join(attributes)} of {resource.name}"),
    )


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete the queue, or our statements in a queue of others."""
    if ours:
        return (ApiCall(resource.purpose, "sqs", "DeleteQueue", {"QueueUrl": existing.id}, f"queue {resource.name}"),)
    sids = {statement["Sid"] for statement in resource.desired["statements"]}
    present = existing.actual["policy"].get("Statement", [])
    left = [statement for statement in present if statement.get("Sid") not in sids]
    if len(left) == len(present):
        return ()
    policy = canonical_json({**existing.actual["policy"], "Statement": left}) if left else ""
    params = {"QueueUrl": existing.id, "Attributes": {"Policy": policy}}
    return (
        ApiCall(
            resource.purpose, "sqs", "SetQueueAttributes", params, f"our statement in the policy of {resource.name}"
        ),
    )


def _merged(policy: Mapping[str, Any], statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the policy with our statements, which replace those of the same Sids."""
    own = {statement["Sid"]: dict(statement) for statement in statements}
    kept = [
        own.pop(statement["Sid"], statement) if statement.get("Sid") else statement
        for statement in policy.get("Statement", ())
    ]
    return {"Version": "2012-10-17", **policy, "Statement": [*kept, *own.values()]}


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in attributes.items()
    }
