"""Our entries in a bucket's notification configuration. The resource's name is the bucket's.

`desired`: `mark`, `queue_arn`, `events`, `filters` (prefix and suffix of each entry), `event_bridge` (its events go to
EventBridge instead, so there are no entries).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass.core.errors import Conflict, NotFound
from windlass.deploy.effects import DeploymentEffect, NotificationChange
from windlass.deploy.notifications import conflicting_entries, equivalent, own_entries, queue_entry
from windlass.deploy.resources.calls import AwsCall, find
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "entries", "read", "update"]


def entries(resource: StackResource) -> tuple[dict[str, Any], ...]:
    """Return the desired entries."""
    desired = resource.desired
    return tuple(
        queue_entry(desired["mark"], number, desired["queue_arn"], desired["events"], prefix, suffix)
        for number, (prefix, suffix) in enumerate(desired["filters"], 1)
    )


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read our entries and all others; None when the bucket does not exist."""
    now = find(call, "s3", "GetBucketNotificationConfiguration", Bucket=resource.name)
    if now is None:
        return None
    own = own_entries(now, resource.desired["mark"])
    return ExistingResource(
        resource.name, {}, {"own": own, "all": now}, {"entries": len(own), "others": _others(now, len(own))}
    )


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:  # noqa: ARG001  entries have ids, not tags
    """Raise NotFound: a deployment never creates buckets."""
    raise NotFound(
        f"this account has no bucket {resource.name}", hint="Create the bucket first; a deployment creates none."
    )


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:  # noqa: ARG001  known by id
    """Update our entries if they differ. Conflict when S3 would refuse them beside an entry of others."""
    desired = entries(resource)
    others = conflicting_entries(existing.actual["all"], desired, resource.desired["mark"])
    if others:
        names = ", ".join(str(other.get("Id", "without an id")) for other in others)
        raise Conflict(
            f"{resource.name} already sends the same events to another destination (entry {names}), and S3 allows one entry for them",
            hint="Use --via eventbridge, which allows any number of consumers, or narrow the prefix or suffix.",
        )
    eventbridge_switch = resource.desired.get("event_bridge", False)
    on = not eventbridge_switch or "EventBridgeConfiguration" in existing.actual["all"]
    if on and equivalent({"QueueConfigurations": desired}, {"QueueConfigurations": existing.actual["own"]}):
        return ()
    why = f"send events of {resource.name} to the queue" if desired else f"remove our entries from {resource.name}"
    if eventbridge_switch:
        why = f"send events of {resource.name} to EventBridge"
    return (
        NotificationChange(resource.purpose, resource.name, resource.desired["mark"], desired, why, eventbridge_switch),
    )


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:  # noqa: ARG001
    """Remove our entries; all others stay."""
    if not existing.actual["own"]:
        return ()
    return (
        NotificationChange(
            resource.purpose, resource.name, resource.desired["mark"], (), f"our entries of {resource.name}"
        ),
    )


def _others(now: Mapping[str, Any], own_count: int) -> int:
    lists = (value for value in now.values() if isinstance(value, list))
    return sum(map(len, lists)) - own_count + ("EventBridgeConfiguration" in now)
