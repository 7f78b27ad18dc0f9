"""A function's log group, made before Lambda would make one that keeps for ever. `want`: `retentionInDays`."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "unmake"]


def look(call: Ask, part: Part) -> Found | None:
    """The group of exactly that name."""
    listed = call("logs", "DescribeLogGroups", logGroupNamePrefix=part.name, limit=50).get("logGroups", ())
    group = next((one for one in listed if one["logGroupName"] == part.name), None)
    if group is None:
        return None
    arn = group["arn"].removesuffix(":*")
    tags = call("logs", "ListTagsForResource", resourceArn=arn).get("tags", {})
    days = group.get("retentionInDays")
    return Found(part.name, tags, {"retentionInDays": days}, {"arn": arn, "days": days})


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The group, then how long it keeps."""
    params = {"logGroupName": part.name, "tags": dict(tags)}
    return (Call(part.purpose, "logs", "CreateLogGroup", params, f"log group {part.name}"), _keeps(part))


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """How long our own keeps."""
    return (_keeps(part),) if ours and found.have != part.want else ()


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """The group with its logs."""
    params = {"logGroupName": found.id}
    return (Call(part.purpose, "logs", "DeleteLogGroup", params, f"log group {part.name}"),) if ours else ()


def _keeps(part: Part) -> Call:
    params = {"logGroupName": part.name, "retentionInDays": part.want["retentionInDays"]}
    return Call(part.purpose, "logs", "PutRetentionPolicy", params, f"logs for {part.want['retentionInDays']} days")
