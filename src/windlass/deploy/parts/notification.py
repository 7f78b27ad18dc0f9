"""Our entries in a bucket's notification configuration; the part's name is the bucket's.

`want`: `mark`, `queue_arn`, `events`, `filters` (prefix and suffix of each entry), `event_bridge` (its events go to
EventBridge instead, so there are no entries).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass.core.errors import Conflict, NotFound
from windlass.deploy.effects import Effect, Notify
from windlass.deploy.notifications import ours, overlapping, queue_entry, same
from windlass.deploy.parts.calls import Ask, absent
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "entries", "look", "make", "unmake"]


def entries(part: Part) -> tuple[dict[str, Any], ...]:
    """The entries there should be."""
    want = part.want
    return tuple(
        queue_entry(want["mark"], number, want["queue_arn"], want["events"], prefix, suffix)
        for number, (prefix, suffix) in enumerate(want["filters"], 1)
    )


def look(call: Ask, part: Part) -> Found | None:
    """Our entries and everybody's; None when there is no such bucket."""
    now = absent(call, "s3", "GetBucketNotificationConfiguration", Bucket=part.name)
    if now is None:
        return None
    mine = ours(now, part.want["mark"])
    return Found(part.name, {}, {"mine": mine, "all": now}, {"entries": len(mine), "others": _others(now, len(mine))})


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:  # noqa: ARG001  entries have ids, not tags
    """Nothing can be set on a bucket that is not there: NotFound."""
    raise NotFound(
        f"there is no bucket {part.name} in this account", hint="Make it first; a deployment makes no buckets."
    )


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:  # noqa: ARG001  known by id
    """The entries where they are not as they should be. Conflict when S3 would refuse them beside another's."""
    wanted = entries(part)
    others = overlapping(found.have["all"], wanted, part.want["mark"])
    if others:
        names = ", ".join(str(one.get("Id", "without an id")) for one in others)
        raise Conflict(
            f"{part.name} sends the same events elsewhere already (entry {names}), and S3 takes no second entry for them",
            hint="Add --via eventbridge, which takes any number of consumers; or narrow prefix or suffix.",
        )
    bridged = part.want.get("event_bridge", False)
    on = not bridged or "EventBridgeConfiguration" in found.have["all"]
    if on and same({"QueueConfigurations": wanted}, {"QueueConfigurations": found.have["mine"]}):
        return ()
    why = f"events of {part.name} to the queue" if wanted else f"no more entries of ours in {part.name}"
    if bridged:
        why = f"events of {part.name} to EventBridge"
    return (Notify(part.purpose, part.name, part.want["mark"], wanted, why, bridged),)


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:  # noqa: ARG001
    """Our entries go, all others stay."""
    if not found.have["mine"]:
        return ()
    return (Notify(part.purpose, part.name, part.want["mark"], (), f"our entries of {part.name}"),)


def _others(now: Mapping[str, Any], mine: int) -> int:
    lists = (value for value in now.values() if isinstance(value, list))
    return sum(map(len, lists)) - mine + ("EventBridgeConfiguration" in now)
