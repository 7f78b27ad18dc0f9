"""An EventBridge rule that calls a function: now and then, or when an event comes.

`want`: `trigger` (a `ScheduleExpression` or an `EventPattern`; empty: there shall be no such rule any more), `sid` of the
function's permission, `function`, `function_arn`, `rule_arn`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent, foreign, tag_list, tags_of
from windlass.deploy.stacks import Found, Part

__all__ = ["TARGETS_GOING", "change", "look", "make", "unmake"]

_TARGET = "function"
TARGETS_GOING = ("has targets", "ConcurrentModificationException")
"""EventBridge may still see the targets that were removed a moment ago."""
_PERMITTED = ("provided already exists",)
"""A rule that somebody deleted by hand left its permission behind, whose id and rule are the same."""


def look(call: Ask, part: Part) -> Found | None:
    """The rule, whether it has its target, and whether it may call it."""
    rule = absent(call, "events", "DescribeRule", Name=part.name)
    if rule is None:
        return None
    targets = call("events", "ListTargetsByRule", Rule=part.name).get("Targets", ())
    policy = absent(call, "lambda", "GetPolicy", FunctionName=part.want["function"])
    statements = json.loads(policy["Policy"])["Statement"] if policy else ()
    tags = tags_of(call("events", "ListTagsForResource", ResourceARN=part.want["rule_arn"]).get("Tags"))
    pattern = json.loads(rule["EventPattern"]) if rule.get("EventPattern") else None
    every = {"ScheduleExpression": rule.get("ScheduleExpression"), "EventPattern": pattern}
    have = {
        "trigger": {name: value for name, value in every.items() if value},
        "target": {one["Id"]: one["Arn"] for one in targets}.get(_TARGET),
        "others": [one["Id"] for one in targets if one["Id"] != _TARGET],
        "permitted": any(one.get("Sid") == part.want["sid"] for one in statements),
    }
    return Found(part.name, tags, have, {"arn": rule["Arn"], "state": str(rule.get("State", "")).lower()})


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The rule, the permission, the target."""
    return (_rule(part, {"State": "ENABLED", "Tags": tag_list(tags)}), _permission(part), _target(part))


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """What of the three is not as it should be; all three away when there shall be no rule."""
    if not part.want["trigger"]:
        return unmake(part, found, ours=ours)
    if not ours:
        raise foreign(part)
    calls: list[Effect] = []
    if found.have["trigger"] != part.want["trigger"]:
        calls.append(_rule(part, {}))
    if not found.have["permitted"]:
        calls.append(_permission(part))
    if found.have["target"] != part.want["function_arn"]:
        calls.append(_target(part))
    return tuple(calls)


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Target, rule and permission."""
    if not ours:
        return ()
    ids = [*([_TARGET] if found.have["target"] else []), *found.have["others"]]
    calls: list[Effect] = []
    if ids:
        calls.append(
            Call(part.purpose, "events", "RemoveTargets", {"Rule": part.name, "Ids": ids}, f"targets of {part.name}")
        )
    calls.append(Call(part.purpose, "events", "DeleteRule", {"Name": part.name}, f"rule {part.name}", TARGETS_GOING))
    if found.have["permitted"]:
        params = {"FunctionName": part.want["function"], "StatementId": part.want["sid"]}
        calls.append(Call(part.purpose, "lambda", "RemovePermission", params, "its permission to call"))
    return tuple(calls)


def _rule(part: Part, more: Mapping[str, Any]) -> Call:
    trigger = {
        name: value if isinstance(value, str) else canonical_json(value) for name, value in part.want["trigger"].items()
    }
    params = {"Name": part.name, **trigger, **more}
    return Call(part.purpose, "events", "PutRule", params, f"rule {part.name}, {', '.join(trigger.values())}")


def _permission(part: Part) -> Call:
    params = {
        "FunctionName": part.want["function"],
        "StatementId": part.want["sid"],
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": part.want["rule_arn"],
    }
    why = f"{part.name} may call the function"
    return Call(part.purpose, "lambda", "AddPermission", params, why, done_on=_PERMITTED)


def _target(part: Part) -> Call:
    params = {"Rule": part.name, "Targets": [{"Id": _TARGET, "Arn": part.want["function_arn"]}]}
    return Call(part.purpose, "events", "PutTargets", params, f"{part.name} calls {part.want['function']}")
