"""An EventBridge rule that sends a bucket's events to a queue. `want`: `pattern` (empty: there shall be no such rule any more),
`queue_arn`, `rule_arn`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent, foreign, tag_list, tags_of
from windlass.deploy.parts.rule import TARGETS_GOING
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "unmake"]

_TARGET = "queue"


def look(call: Ask, part: Part) -> Found | None:
    """The rule, its pattern and its targets."""
    rule = absent(call, "events", "DescribeRule", Name=part.name)
    if rule is None:
        return None
    targets = {one["Id"]: one["Arn"] for one in call("events", "ListTargetsByRule", Rule=part.name).get("Targets", ())}
    tags = tags_of(call("events", "ListTagsForResource", ResourceARN=part.want["rule_arn"]).get("Tags"))
    have = {"pattern": json.loads(rule.get("EventPattern") or "{}"), "targets": targets}
    return Found(part.name, tags, have, {"arn": rule["Arn"], "state": str(rule.get("State", "")).lower()})


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The rule, then its target."""
    return (_rule(part, tags), _target(part))


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Pattern and target where they differ; both away when there shall be no rule."""
    if not part.want["pattern"]:
        return unmake(part, found, ours=ours)
    if not ours:
        raise foreign(part)
    calls: list[Effect] = []
    if found.have["pattern"] != part.want["pattern"]:
        calls.append(_rule(part, {}))
    if found.have["targets"].get(_TARGET) != part.want["queue_arn"]:
        calls.append(_target(part))
    return tuple(calls)


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Targets, then the rule."""
    if not ours:
        return ()
    calls: list[Effect] = []
    if found.have["targets"]:
        params = {"Rule": part.name, "Ids": list(found.have["targets"])}
        calls.append(Call(part.purpose, "events", "RemoveTargets", params, f"targets of {part.name}"))
    calls.append(Call(part.purpose, "events", "DeleteRule", {"Name": part.name}, f"rule {part.name}", TARGETS_GOING))
    return tuple(calls)


def _rule(part: Part, tags: Mapping[str, str]) -> Call:
    params = {"Name": part.name, "EventPattern": canonical_json(part.want["pattern"])}
    more = {"State": "ENABLED", "Tags": tag_list(tags)} if tags else {}
    return Call(part.purpose, "events", "PutRule", {**params, **more}, f"rule {part.name}")


def _target(part: Part) -> Call:
    params = {"Rule": part.name, "Targets": [{"Id": _TARGET, "Arn": part.want["queue_arn"]}]}
    return Call(part.purpose, "events", "PutTargets", params, f"{part.name} sends to the queue")
