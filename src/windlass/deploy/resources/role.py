"""A function's role with one inline policy. `desired`: `trust`, `policy`, `description`."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import ApiCall, DeploymentEffect
from windlass.deploy.resources.calls import AwsCall, find, name_conflict, tag_list, tags_of
from windlass.deploy.stack import ExistingResource, StackResource

__all__ = ["create", "delete", "read", "update"]

_POLICY = "windlass"
_POLICIES_BEING_DELETED = ("DeleteConflict", "ConcurrentModification")
"""IAM takes some seconds to delete a role's policies everywhere; meanwhile the role may appear to have them."""


def read(call: AwsCall, resource: StackResource) -> ExistingResource | None:
    """Read the role, its trust policy and its policies."""
    response = find(call, "iam", "GetRole", RoleName=resource.name)
    if response is None:
        return None
    role = response["Role"]
    policy = find(call, "iam", "GetRolePolicy", RoleName=resource.name, PolicyName=_POLICY)
    attached = call("iam", "ListAttachedRolePolicies", RoleName=resource.name).get("AttachedPolicies", ())
    inline = call("iam", "ListRolePolicies", RoleName=resource.name).get("PolicyNames", ())
    actual = {
        "trust": role["AssumeRolePolicyDocument"],
        "policy": policy["PolicyDocument"] if policy else None,
        "attached": [policy["PolicyArn"] for policy in attached],
        "inline": [name for name in inline if name != _POLICY],
    }
    return ExistingResource(resource.name, tags_of(role.get("Tags")), actual, {"arn": role["Arn"]})


def create(resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
    """Create the role, then its policy."""
    params = {
        "RoleName": resource.name,
        "AssumeRolePolicyDocument": canonical_json(resource.desired["trust"]),
        "Description": resource.desired["description"],
        "Tags": tag_list(tags),
    }
    return (ApiCall(resource.purpose, "iam", "CreateRole", params, f"role {resource.name}"), _role_policy(resource))


def update(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Update trust and policy. Conflict for a role of others, because a role grants permissions."""
    if not ours:
        raise name_conflict(resource)
    calls: list[DeploymentEffect] = []
    if existing.actual["trust"] != resource.desired["trust"]:
        params = {"RoleName": resource.name, "PolicyDocument": canonical_json(resource.desired["trust"])}
        calls.append(ApiCall(resource.purpose, "iam", "UpdateAssumeRolePolicy", params, f"trust of {resource.name}"))
    if existing.actual["policy"] != resource.desired["policy"]:
        calls.append(_role_policy(resource))
    return tuple(calls)


def delete(resource: StackResource, existing: ExistingResource, *, ours: bool) -> tuple[DeploymentEffect, ...]:
    """Delete every policy, including those that others attached (the plan lists them), then the role."""
    if not ours:
        return ()
    named = {"RoleName": resource.name}
    calls: list[DeploymentEffect] = [
        ApiCall(
            resource.purpose, "iam", "DetachRolePolicy", {**named, "PolicyArn": arn}, f"{arn}, which others attached"
        )
        for arn in existing.actual["attached"]
    ]
    others = [(name, f"inline policy {name}, which others added") for name in existing.actual["inline"]]
    own = [(_POLICY, f"policy of {resource.name}")] if existing.actual["policy"] is not None else []
    calls += [
        ApiCall(resource.purpose, "iam", "DeleteRolePolicy", {**named, "PolicyName": name}, why)
        for name, why in [*others, *own]
    ]
    calls.append(
        ApiCall(resource.purpose, "iam", "DeleteRole", named, f"role {resource.name}", _POLICIES_BEING_DELETED)
    )
    return tuple(calls)


def _role_policy(resource: StackResource) -> ApiCall:
    params = {
        "RoleName": resource.name,
        "PolicyName": _POLICY,
        "PolicyDocument": canonical_json(resource.desired["policy"]),
    }
    return ApiCall(resource.purpose, "iam", "PutRolePolicy", params, f"permissions of {resource.name}")
