"""A function's role with one inline policy. `want`: `trust`, `policy`, `description`."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent, foreign, tag_list, tags_of
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "unmake"]

_POLICY = "windlass"


def look(call: Ask, part: Part) -> Found | None:
    """The role, whom it trusts and what it may."""
    answer = absent(call, "iam", "GetRole", RoleName=part.name)
    if answer is None:
        return None
    role = answer["Role"]
    policy = absent(call, "iam", "GetRolePolicy", RoleName=part.name, PolicyName=_POLICY)
    have = {"trust": role["AssumeRolePolicyDocument"], "policy": policy["PolicyDocument"] if policy else None}
    return Found(part.name, tags_of(role.get("Tags")), have, {"arn": role["Arn"]})


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The role, then its policy."""
    params = {
        "RoleName": part.name, "AssumeRolePolicyDocument": canonical_json(part.want["trust"]),
        "Description": part.want["description"], "Tags": tag_list(tags),
    }  # fmt: skip
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
    """The policy, then the role."""
    if not ours:
        return ()
    named = {"RoleName": part.name}
    gone = Call(part.purpose, "iam", "DeleteRolePolicy", {**named, "PolicyName": _POLICY}, f"policy of {part.name}")
    last = Call(part.purpose, "iam", "DeleteRole", named, f"role {part.name}")
    return (gone, last) if found.have["policy"] is not None else (last,)


def _may(part: Part) -> Call:
    params = {"RoleName": part.name, "PolicyName": _POLICY, "PolicyDocument": canonical_json(part.want["policy"])}
    return Call(part.purpose, "iam", "PutRolePolicy", params, f"what {part.name} may do")
