"""A function's role with one inline policy. `want`: `trust`, `policy`, `description`."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent, foreign, tag_list, tags_of
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "unmake"]

_POLICY = "windlass"
_POLICIES_GOING = ("DeleteConflict", "ConcurrentModification")
"""IAM deletes a role's policies everywhere in some seconds; until then the role may count as having them."""


def look(call: Ask, part: Part) -> Found | None:
    """The role, whom it trusts and what it may."""
    answer = absent(call, "iam", "GetRole", RoleName=part.name)
    if answer is None:
        return None
    role = answer["Role"]
    policy = absent(call, "iam", "GetRolePolicy", RoleName=part.name, PolicyName=_POLICY)
    attached = call("iam", "ListAttachedRolePolicies", RoleName=part.name).get("AttachedPolicies", ())
    inline = call("iam", "ListRolePolicies", RoleName=part.name).get("PolicyNames", ())
    have = {
        "trust": role["AssumeRolePolicyDocument"],
        "policy": policy["PolicyDocument"] if policy else None,
        "attached": [one["PolicyArn"] for one in attached],
        "inline": [name for name in inline if name != _POLICY],
    }
    return Found(part.name, tags_of(role.get("Tags")), have, {"arn": role["Arn"]})


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The role, then its policy."""
    params = {
        "RoleName": part.name,
        "AssumeRolePolicyDocument": canonical_json(part.want["trust"]),
        "Description": part.want["description"],
        "Tags": tag_list(tags),
    }
    return (Call(part.purpose, "iam", "CreateRole", params, f"role {part.name}"), _may(part))


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Trust and policy of our own role; another's is a Conflict: a role decides what may be done."""
    if not ours:
        raise foreign(part)
    calls: list[Effect] = []
    if found.have["trust"] != part.want["trust"]:
        params = {"RoleName": part.name, "PolicyDocument": canonical_json(part.want["trust"])}
        calls.append(Call(part.purpose, "iam", "UpdateAssumeRolePolicy", params, f"who may be {part.name}"))
    if found.have["policy"] != part.want["policy"]:
        calls.append(_may(part))
    return tuple(calls)


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Every policy, those that others attached to our role included (the plan lists them), then the role."""
    if not ours:
        return ()
    named = {"RoleName": part.name}
    calls: list[Effect] = [
        Call(part.purpose, "iam", "DetachRolePolicy", {**named, "PolicyArn": arn}, f"{arn}, which others attached")
        for arn in found.have["attached"]
    ]
    others = [(name, f"inline policy {name}, which others added") for name in found.have["inline"]]
    own = [(_POLICY, f"policy of {part.name}")] if found.have["policy"] is not None else []
    calls += [
        Call(part.purpose, "iam", "DeleteRolePolicy", {**named, "PolicyName": name}, why)
        for name, why in [*others, *own]
    ]
    calls.append(Call(part.purpose, "iam", "DeleteRole", named, f"role {part.name}", _POLICIES_GOING))
    return tuple(calls)


def _may(part: Part) -> Call:
    params = {"RoleName": part.name, "PolicyName": _POLICY, "PolicyDocument": canonical_json(part.want["policy"])}
    return Call(part.purpose, "iam", "PutRolePolicy", params, f"what {part.name} may do")
