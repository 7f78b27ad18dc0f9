"""A function's log group, created before Lambda creates one without retention. `desired`: `retentionInDays`."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "read", "update"]


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the group of exactly that name."""
    listed = call("logs", "DescribeLogGroups", logGroupNamePrefix=resource.name, limit=50).get("logGroups", ())
    group = next((group for group in listed if group["logGroupName"] == resource.name), None)
    if group is None:
        return None
    arn = group["arn"].removesuffix(":*")
    tags = call("logs", "ListTagsForResource", resourceArn=arn).get("tags", {})
    days = group.get("retentionInDays")
    return ExistingResource(resource.name, tags, {"retentionInDays": days}, {"arn": arn, "days": days})


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
    """Create the group, then set its retention."""
    params = {"logGroupName": resource.name, "tags": dict(tags)}
    return (
        ApiCall(resource.purpose, "logs", "CreateLogGroup", params, f"log group {resource.name}"),
        _retention(resource),
    )


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update the retention of our own group."""
    return (_retention(resource),) if ours and existing.actual != resource.desired else ()


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete the group with its logs."""
    params = {"logGroupName": existing.id}
    return (ApiCall(resource.purpose, "logs", "DeleteLogGroup", params, f"log group {resource.name}"),) if ours else ()


def _retention(resource: StackResource) -> ApiCall:
    params = {"logGroupName": resource.name, "retentionInDays": resource.desired["retentionInDays"]}
    return ApiCall(
        resource.purpose, "logs", "PutRetentionPolicy", params, f"logs for {resource.desired['retentionInDays']} days"
    )
