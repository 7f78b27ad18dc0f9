"""From a stack and what there is to what is to be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windlass.core.errors import Conflict
from windlass.deploy.effects import Check, Effect, Kept, Plan
from windlass.deploy.parts import KINDS
from windlass.deploy.parts.queue import messages
from windlass.deploy.stacks import Found, Part, PartKind, Stack

__all__ = ["Look", "State", "plan_create", "plan_delete", "states"]


_BEFORE_EVENTS = (PartKind.FUNCTION, PartKind.MAPPING, PartKind.NOTIFICATION, PartKind.EVENT_RULE)


@dataclass(frozen=True, slots=True)
class Look:
    """A stack, and its parts as they are: None for what is not there."""

    stack: Stack
    found: tuple[tuple[Part, Found | None], ...]

    def of(self, kind: PartKind) -> Sequence[tuple[Part, Found | None]]:
        """The parts of one kind."""
        return [one for one in self.found if one[0].kind is kind]

    def ours(self, part: Part, found: Found) -> bool:
        """Whether we made it: by its tags; a mapping belongs to its function, our entries in a bucket to us."""
        if part.kind is PartKind.MAPPING:
            return any(other is not None and other.made_for(self.stack) for _, other in self.of(PartKind.FUNCTION))
        return part.kind is PartKind.NOTIFICATION or found.made_for(self.stack)


@dataclass(frozen=True, slots=True)
class State:
    """How a part stands: `ok`, `missing`, `differs`, or `theirs` (somebody else's, used as it is),
    or `conflict` (somebody else's is in the way)."""

    part: Part
    state: str
    facts: Mapping[str, object]


def plan_create(look: Look) -> Plan:
    """What makes the stack as it should be; nothing where it is. Conflict where somebody else's resource is in the way.

    A function that is new or changed, or that events are about to reach, is called once first: a check that was broken off
    is part of the next plan.
    """
    each: list[tuple[Part, tuple[Effect, ...]]] = []
    for part, found in look.found:
        kind = KINDS[part.kind]
        made = (
            kind.make(part, look.stack.tags) if found is None else kind.change(part, found, ours=look.ours(part, found))
        )
        each.append((part, made))
    due = any(made for part, made in each if part.kind in _BEFORE_EVENTS)
    effects: list[Effect] = []
    for part, calls in each:
        effects += calls
        if due and part.kind is PartKind.FUNCTION:
            effects.append(Check(part.purpose, part.name, f"{part.name} starts"))
    return Plan(tuple(effects))


def plan_delete(look: Look, *, force: bool = False) -> Plan:
    """What takes the stack away, last part first. Queues with messages stay, with what their messages need, unless forced."""
    full = {} if force else _full_queues(look)
    effects: list[Effect] = []
    kept: list[Kept] = []
    for part, found in reversed(look.found):
        if found is None:
            continue
        ours = look.ours(part, found)
        if ours and part.kind is PartKind.QUEUE and part.name in full:
            kept.append(Kept(part.purpose, part.name, full[part.name]))
            continue
        effects += KINDS[part.kind].unmake(part, found, ours=ours)
        if not ours:
            kept.append(Kept(part.purpose, part.name, "this deployment did not make it"))
    return Plan(tuple(effects), tuple(kept))


def states(look: Look) -> tuple[State, ...]:
    """How each part stands."""
    shown = []
    for part, found in look.found:
        if found is None:
            shown.append(State(part, "missing", {}))
            continue
        ours = look.ours(part, found)
        facts = found.facts
        if part.kind is PartKind.NOTIFICATION and not found.have["mine"] and not part.want.get("event_bridge"):
            state = "missing"
        elif not ours:
            state = "theirs"
        else:
            state = _compared(part, found)
        shown.append(State(part, state, facts))
    return tuple(shown)


def _compared(part: Part, found: Found) -> str:
    try:
        return "differs" if KINDS[part.kind].change(part, found, ours=True) else "ok"
    except Conflict:
        return "conflict"


def _full_queues(look: Look) -> dict[str, str]:
    """Queues that stay for their messages; the dead-letter queue of one that stays, stays."""
    queues = [
        (part, found) for part, found in look.of(PartKind.QUEUE) if found is not None and found.made_for(look.stack)
    ]
    full = {
        part.name: f"it has about {messages(found):,} message{'s' if messages(found) > 1 else ''}"
        for part, found in queues
        if messages(found)
    }
    for part, _ in queues:
        dead = part.want["attributes"].get("RedrivePolicy", {}).get("deadLetterTargetArn", "").rpartition(":")[2]
        if part.name in full and dead:
            full.setdefault(dead, f"it is the dead-letter queue of {part.name}")
    return full
