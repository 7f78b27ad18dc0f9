"""What feeds a function from a queue. The part's name is the function's; it is ours where the function is.

`want`: `EventSourceArn`, `BatchSize`, `MaximumBatchingWindowInSeconds`, `FunctionResponseTypes`, perhaps `ScalingConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping

from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent, differing
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "unmake"]

_NEW_ROLE = ("does not have permissions", "InvalidParameterValueException: Cannot access", "does not exist")
_BUSY = ("ResourceInUseException", "ResourceConflictException")


def look(call: Ask, part: Part) -> Found | None:
    """The mapping of this function from this queue."""
    source = part.want["EventSourceArn"]
    listed = absent(call, "lambda", "ListEventSourceMappings", FunctionName=part.name, EventSourceArn=source)
    for one in (listed or {}).get("EventSourceMappings", ()):
        if one.get("State") != "Deleting" and one["EventSourceArn"] == source:
            have = {name: one.get(name) for name in part.want} | {
                "Enabled": one.get("State") not in ("Disabled", "Disabling")
            }
            return Found(one["UUID"], {}, have, {"state": str(one.get("State", "")).lower(), "uuid": one["UUID"]})
    return None


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:  # noqa: ARG001  not every region's mappings have tags
    """The mapping, which begins at once."""
    params = {"FunctionName": part.name, **part.want}
    why = f"{part.want['EventSourceArn'].rpartition(':')[2]} → {part.name}"
    return (Call(part.purpose, "lambda", "CreateEventSourceMapping", params, why, (*_NEW_ROLE, *_BUSY)),)


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """Its numbers; one that was disabled stays so, as somebody meant it."""
    wanted = differing(part.want, found.have)
    if not ours or not wanted:
        return ()
    params = {"UUID": found.id, **wanted}
    return (
        Call(part.purpose, "lambda", "UpdateEventSourceMapping", params, f"{', '.join(wanted)} of the mapping", _BUSY),
    )


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """The mapping."""
    if not ours:
        return ()
    why = f"{part.want['EventSourceArn'].rpartition(':')[2]} → {part.name}"
    return (Call(part.purpose, "lambda", "DeleteEventSourceMapping", {"UUID": found.id}, why, _BUSY),)
