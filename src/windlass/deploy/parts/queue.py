"""A queue. `want`: `attributes` (RedrivePolicy as a mapping) and the `statements` that its policy must have, by Sid.

A queue that somebody else made is used as it is, with our statements in its policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from windlass.core.canonical import canonical_json
from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "messages", "unmake"]

_DELETED_LATELY = ("QueueDeletedRecently", "wait 60 seconds")
_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def look(call: Ask, part: Part) -> Found | None:
    """The queue with its attributes and policy."""
    there = absent(call, "sqs", "GetQueueUrl", QueueName=part.name)
    if there is None:
        return None
    url = there["QueueUrl"]
    answer = absent(call, "sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    if answer is None:
        return None
    attributes: dict[str, Any] = dict(answer["Attributes"])
    have: dict[str, Any] = {name: attributes[name] for name in part.want["attributes"] if name in attributes}
    if "RedrivePolicy" in have:
        redrive = json.loads(have["RedrivePolicy"])
        have["RedrivePolicy"] = redrive | {"maxReceiveCount": int(redrive["maxReceiveCount"])}
    policy = json.loads(attributes["Policy"]) if attributes.get("Policy") else {}
    tags = call("sqs", "ListQueueTags", QueueUrl=url).get("Tags", {})
    facts = {"url": url, "arn": attributes["QueueArn"], "messages": sum(int(attributes.get(one, 0)) for one in _COUNTS)}
    return Found(url, tags, {"attributes": have, "policy": policy}, facts)


def messages(found: Found) -> int:
    """How many there are, about: waiting, in flight and delayed."""
    return int(found.facts["messages"])


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The queue with all its attributes in one call."""
    attributes = _texts(part.want["attributes"])
    if part.want["statements"]:
        attributes["Policy"] = canonical_json(_merged({}, part.want["statements"]))
    params = {"QueueName": part.name, "Attributes": attributes, "tags": dict(tags)}
    return (Call(part.purpose, "sqs", "CreateQueue", params, f"queue {part.name}", _DELETED_LATELY),)


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Attributes of our own queue; our statements in anybody's."""
    have = found.have["attributes"]
    wanted = part.want["attributes"] if ours else {}
    attributes = _texts({name: value for name, value in wanted.items() if have.get(name) != value})
    policy = _merged(found.have["policy"], part.want["statements"])
    if part.want["statements"] and policy != found.have["policy"]:
        attributes["Policy"] = canonical_json(policy)
    if not attributes:
        return ()
    params = {"QueueUrl": found.id, "Attributes": attributes}
    return (Call(part.purpose, "sqs", "SetQueueAttributes", params, f"{', '.join(attributes)} of {part.name}"),)


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """The queue, or our statements in another's."""
    if ours:
        return (Call(part.purpose, "sqs", "DeleteQueue", {"QueueUrl": found.id}, f"queue {part.name}"),)
    sids = {one["Sid"] for one in part.want["statements"]}
    there = found.have["policy"].get("Statement", [])
    left = [one for one in there if one.get("Sid") not in sids]
    if len(left) == len(there):
        return ()
    policy = canonical_json({**found.have["policy"], "Statement": left}) if left else ""
    params = {"QueueUrl": found.id, "Attributes": {"Policy": policy}}
    return (Call(part.purpose, "sqs", "SetQueueAttributes", params, f"our statement in the policy of {part.name}"),)


def _merged(policy: Mapping[str, Any], statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The policy with our statements, in the place of those with their Sids."""
    mine = {one["Sid"]: dict(one) for one in statements}
    kept = [mine.pop(one["Sid"], one) if one.get("Sid") else one for one in policy.get("Statement", ())]
    return {"Version": "2012-10-17", **policy, "Statement": [*kept, *mine.values()]}


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in attributes.items()
    }
