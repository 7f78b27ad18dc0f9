"""An event source mapping from a queue to a function. It has the name and the owner of its function.

`desired`: `EventSourceArn`, `BatchSize`, `MaximumBatchingWindowInSeconds`, `FunctionResponseTypes`, perhaps `ScalingConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping

from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall, differences, find
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "read", "update"]

_NEW_ROLE = ("does not have permissions", "InvalidParameterValueException: Cannot access", "does not exist")
_BUSY = ("ResourceInUseException", "ResourceConflictException")


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the mapping from this queue to this function."""
    source = resource.desired["EventSourceArn"]
    listed = find(call, "lambda", "ListEventSourceMappings", FunctionName=resource.name, EventSourceArn=source)
    for mapping in (listed or {}).get("EventSourceMappings", ()):
        if mapping.get("State") != "Deleting" and mapping["EventSourceArn"] == source:
            actual = {name: mapping.get(name) for name in resource.desired} | {
                "Enabled": mapping.get("State") not in ("Disabled", "Disabling")
            }
            return ExistingResource(
                mapping["UUID"],
                {},
                actual,
                {"state": str(mapping.get("ResourceState", "")).lower(), "uuid": mapping["UUID"]},
            )
    return None


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:  # noqa: ARG001  not every region's mappings have tags
    """Create the mapping, which starts at once."""
    params = {"FunctionName": resource.name, **resource.desired}
    why = f"{resource.desired['EventSourceArn'].rpartition(':')[2]} → {resource.name}"
    return (ApiCall(resource.purpose, "lambda", "CreateEventSourceMapping", params, why, (*_NEW_ROLE, *_BUSY)),)


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update its settings. A disabled mapping stays disabled."""
    changed = differences(resource.desired, existing.actual)
    if not ours or not changed:
        return ()
    params = {"UUID": existing.id, **changed}
    return (
        ApiCall(
            resource.purpose,
            "lambda",
            "UpdateEventSourceMapping",
            params,
            f"{', '.join(changed)} of the mapping",
            _BUSY,
        ),
    )


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete the mapping."""
    if not ours:
        return ()
    why = f"{resource.desired['EventSourceArn'].rpartition(':')[2]} → {resource.name}"
    return (ApiCall(resource.purpose, "lambda", "DeleteEventSourceMapping", {"UUID": existing.id}, why, _BUSY),)
