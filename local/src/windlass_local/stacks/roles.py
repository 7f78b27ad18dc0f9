"""AWS::IAM::Role with its policies, and ManagedPolicy."""

from __future__ import annotations

import json
from typing import Any

from windlass_local.stacks.kind import Here, Kind, Made, Props, tags_of

__all__ = ["KINDS"]


def _text(document: Any) -> str:
    """A document may be given as text, as those must whose keys are made of parameters."""
    return document if isinstance(document, str) else json.dumps(document)


def _create(here: Here, name: str, props: Props) -> Made:
    more = {"MaxSessionDuration": int(props["MaxSessionDuration"])} if "MaxSessionDuration" in props else {}
    role = here.call(
        "iam",
        "create_role",
        RoleName=name,
        AssumeRolePolicyDocument=_text(props["AssumeRolePolicyDocument"]),
        Path=props.get("Path", "/"),
        Description=props.get("Description", ""),
        Tags=[{"Key": key, "Value": value} for key, value in tags_of(props).items()],
        **more,
    )["Role"]
    _grant(here, name, {}, props)
    return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _update(here: Here, made: Made, before: Props, props: Props) -> Made:
    if before["AssumeRolePolicyDocument"] != props["AssumeRolePolicyDocument"]:
        document = _text(props["AssumeRolePolicyDocument"])
        here.call("iam", "update_assume_role_policy", RoleName=made.id, PolicyDocument=document)
    _grant(here, made.id, before, props)
    return made


def _grant(here: Here, name: str, before: Props, props: Props) -> None:
    now = {one["PolicyName"]: one["PolicyDocument"] for one in props.get("Policies", ())}
    was = {one["PolicyName"]: one["PolicyDocument"] for one in before.get("Policies", ())}
    for policy, document in now.items():
        if was.get(policy) != document:
            here.call("iam", "put_role_policy", RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    for policy in was.keys() - now.keys():
        here.gone("iam", "delete_role_policy", RoleName=name, PolicyName=policy)
    wanted, had = set(props.get("ManagedPolicyArns", ())), set(before.get("ManagedPolicyArns", ()))
    for arn in sorted(wanted - had):
        here.call("iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
    for arn in sorted(had - wanted):
        here.gone("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)


def _delete(here: Here, made: Made, props: Props) -> None:
    _grant(here, made.id, props, {})
    here.gone("iam", "delete_role", RoleName=made.id)


def _create_policy(here: Here, name: str, props: Props) -> Made:
    arn = here.call("iam", "create_policy", PolicyName=name, PolicyDocument=json.dumps(props["PolicyDocument"]))[
        "Policy"
    ]["Arn"]
    for role in props.get("Roles", ()):
        here.call("iam", "attach_role_policy", RoleName=role, PolicyArn=arn)
    return Made(arn, {"PolicyArn": arn})


def _update_policy(here: Here, made: Made, before: Props, props: Props) -> Made:
    if before["PolicyDocument"] != props["PolicyDocument"]:
        document = json.dumps(props["PolicyDocument"])
        here.call("iam", "create_policy_version", PolicyArn=made.id, PolicyDocument=document, SetAsDefault=True)
    return made


def _delete_policy(here: Here, made: Made, props: Props) -> None:
    for role in props.get("Roles", ()):
        here.gone("iam", "detach_role_policy", RoleName=role, PolicyArn=made.id)
    here.gone("iam", "delete_policy", PolicyArn=made.id)


KINDS = (
    Kind("AWS::IAM::Role", "RoleName", _create, _update, _delete, ("RoleName", "Path")),
    Kind(
        "AWS::IAM::ManagedPolicy",
        "ManagedPolicyName",
        _create_policy,
        _update_policy,
        _delete_policy,
        ("ManagedPolicyName",),
    ),
)
