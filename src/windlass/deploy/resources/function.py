"""A Lambda function from a zip. `desired`: `configuration` and `code` (None: only read or delete it, keep its code)."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.errors import UsageError
from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall, differences, find, name_conflict
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "read", "update"]

_NEW_ROLE = ("cannot be assumed by Lambda", "InvalidParameterValueException: The role")
_BUSY = ("ResourceConflictException", "An update is in progress")


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the function's configuration and the digest of its code."""
    response = find(call, "lambda", "GetFunction", FunctionName=resource.name)
    if response is None:
        return None
    now = response["Configuration"]
    actual = {
        "configuration": {name: now.get(name) for name in resource.desired["configuration"]},
        "sha256": now.get("CodeSha256", ""),
    }
    facts = {
        "arn": now["FunctionArn"],
        "state": str(now.get("ResourceState", "Active")).lower(),
        "code_bytes": now.get("CodeSize"),
    }
    return ExistingResource(resource.name, response.get("Tags") or {}, actual, facts)


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
    """Create the function. UsageError without code."""
    if resource.desired["code"] is None:
        raise UsageError(
            f"function {resource.name} has no code",
            hint="Build a zip with `windlass build lambda` and give it with --zip.",
        )
    params = {
        "FunctionName": resource.name,
        **resource.desired["configuration"],
        "Code": {"ZipFile": resource.desired["code"]},
        "PackageType": "Zip",
        "Tags": dict(tags),
    }
    return (ApiCall(resource.purpose, "lambda", "CreateFunction", params, f"function {resource.name}", _NEW_ROLE),)


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update code and configuration. Conflict for a function of others."""
    if not ours:
        raise name_conflict(resource)
    calls: list[DeploymentEffect] = []
    named, code = {"FunctionName": resource.name}, resource.desired["code"]
    changed = differences(resource.desired["configuration"], existing.actual["configuration"])
    architectures = changed.pop("Architectures", None)  # is updated with the code
    if code is not None and (code.sha256 != existing.actual["sha256"] or architectures):
        params = {**named, "ZipFile": code, "Architectures": resource.desired["configuration"]["Architectures"]}
        calls.append(
            ApiCall(resource.purpose, "lambda", "UpdateFunctionCode", params, f"code of {resource.name}", _BUSY)
        )
    if changed:
        why = f"{', '.join(changed)} of {resource.name}"
        calls.append(
            ApiCall(
                resource.purpose,
                "lambda",
                "UpdateFunctionConfiguration",
                {**named, **changed},
                why,
                (*_BUSY, *_NEW_ROLE),
            )
        )
    return tuple(calls)


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete the function."""
    params = {"FunctionName": existing.id}
    return (
        (ApiCall(resource.purpose, "lambda", "DeleteFunction", params, f"function {resource.name}", _BUSY),)
        if ours
        else ()
    )
