"""AWS::IAM::Role with its policies, and ManagedPolicy."""

from __future__ import annotations

import json
from typing import Any

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType, tags_of

__all__ = ["KINDS"]


def _text(document: Any) -> str:
    """Return a document as text; templates may give it as text."""
    return document if isinstance(document, str) else json.dumps(document)


def _create(context: ResourceContext, name: str, props: Props) -> Created:
    more = {"MaxSessionDuration": int(props["MaxSessionDuration"])} if "MaxSessionDuration" in props else {}
    role = context.call(
        "iam",
        "create_role",
        RoleName=name,
        AssumeRolePolicyDocument=_text(props["AssumeRolePolicyDocument"]),
        Path=props.get("Path", "/"),
        Description=props.get("Description", ""),
        Tags=[{"Key": key, "Value": value} for key, value in tags_of(props).items()],
        **more,
    )["Role"]
    _grant(context, name, {}, props)
    return Created(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _update(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    if before["AssumeRolePolicyDocument"] != props["AssumeRolePolicyDocument"]:
        document = _text(props["AssumeRolePolicyDocument"])
        context.call("iam", "update_assume_role_policy", RoleName=created.id, PolicyDocument=document)
    _grant(context, created.id, before, props)
    return created


def _grant(context: ResourceContext, name: str, before: Props, props: Props) -> None:
    now = {policy["PolicyName"]: policy["PolicyDocument"] for policy in props.get("Policies", ())}
    was = {policy["PolicyName"]: policy["PolicyDocument"] for policy in before.get("Policies", ())}
    for policy, document in now.items():
        if was.get(policy) != document:
            context.call(
                "iam", "put_role_policy", RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document)
            )
    for policy in was.keys() - now.keys():
        context.gone("iam", "delete_role_policy", RoleName=name, PolicyName=policy)
    requested, had = set(props.get("ManagedPolicyArns", ())), set(before.get("ManagedPolicyArns", ()))
    for arn in sorted(requested - had):
        context.call("iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
    for arn in sorted(had - requested):
        context.gone("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)


def _delete(context: ResourceContext, created: Created, props: Props) -> None:
    _grant(context, created.id, props, {})
    context.gone("iam", "delete_role", RoleName=created.id)


def _create_policy(context: ResourceContext, name: str, props: Props) -> Created:
    arn = context.call("iam", "create_policy", PolicyName=name, PolicyDocument=json.dumps(props["PolicyDocument"]))[
        "Policy"
    ]["Arn"]
    for role in props.get("Roles", ()):
        context.call("iam", "attach_role_policy", RoleName=role, PolicyArn=arn)
    return Created(arn, {"PolicyArn": arn})


def _update_policy(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    if before["PolicyDocument"] != props["PolicyDocument"]:
        document = json.dumps(props["PolicyDocument"])
        context.call("iam", "create_policy_version", PolicyArn=created.id, PolicyDocument=document, SetAsDefault=True)
    return created


def _delete_policy(context: ResourceContext, created: Created, props: Props) -> None:
    for role in props.get("Roles", ()):
        context.gone("iam", "detach_role_policy", RoleName=role, PolicyArn=created.id)
    context.gone("iam", "delete_policy", PolicyArn=created.id)


KINDS = (
    ResourceType("AWS::IAM::Role", "RoleName", _create, _update, _delete, ("RoleName", "Path")),
    ResourceType(
        "AWS::IAM::ManagedPolicy",
        "ManagedPolicyName",
        _create_policy,
        _update_policy,
        _delete_policy,
        ("ManagedPolicyName",),
    ),
)
