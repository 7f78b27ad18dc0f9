"""The plan of a deployment: the effects that turn the actual state into the desired one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windlass.core.errors import Conflict
from windlass.deploy.effects import DeploymentEffect, DeploymentPlan, KeptResource, StartCheck
from windlass.deploy.resources import RESOURCE_MODULES
from windlass.deploy.resources.queue import messages
from windlass.deploy.stack import ExistingResource, ResourceKind, Stack, StackResource

__all__ = ["ResourceState", "StackState", "plan_create", "plan_delete", "states"]


_BEFORE_EVENTS = (ResourceKind.FUNCTION, ResourceKind.MAPPING, ResourceKind.NOTIFICATION, ResourceKind.EVENT_RULE)


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack with its existing resources; None for a missing one."""

    stack: Stack
    found: tuple[tuple[StackResource, ExistingResource | None], ...]

    def of(self, kind: ResourceKind) -> Sequence[tuple[StackResource, ExistingResource | None]]:
        """Return the resources of one kind."""
        return [one for one in self.found if one[0].kind is kind]

    def ours(self, resource: StackResource, found: ExistingResource) -> bool:
        """Return whether this deployment made the resource, by its tags. A mapping belongs to its function's owner."""
        if resource.kind is ResourceKind.MAPPING:
            return any(other is not None and other.made_for(self.stack) for _, other in self.of(ResourceKind.FUNCTION))
        return resource.kind is ResourceKind.NOTIFICATION or found.made_for(self.stack)


@dataclass(frozen=True, slots=True)
class ResourceState:
    """The state of a resource: `ok`, `missing`, `differs`, `theirs` (made by others, used unchanged) or `conflict`."""

    resource: StackResource
    state: str
    facts: Mapping[str, object]


def plan_create(look: StackState) -> DeploymentPlan:
    """Return the effects that create or update the stack. Conflict when a resource of others has the name of ours.

    A function that is new or changed, or that is about to receive events, is invoked once first. An interrupted check is part of
    the next plan.
    """
    each: list[tuple[StackResource, tuple[DeploymentEffect, ...]]] = []
    for resource, found in look.found:
        kind = RESOURCE_MODULES[resource.kind]
        made = (
            kind.create(resource, look.stack.tags)
            if found is None
            else kind.update(resource, found, ours=look.ours(resource, found))
        )
        each.append((resource, made))
    due = any(made for resource, made in each if resource.kind in _BEFORE_EVENTS)
    effects: list[DeploymentEffect] = []
    for resource, calls in each:
        effects += calls
        if due and resource.kind is ResourceKind.FUNCTION:
            effects.append(StartCheck(resource.purpose, resource.name, f"{resource.name} starts"))
    return DeploymentPlan(tuple(effects))


def plan_delete(look: StackState, *, force: bool = False) -> DeploymentPlan:
    """Return the effects that delete the stack, in reverse order. Without `force`, queues with messages stay."""
    full = {} if force else _full_queues(look)
    effects: list[DeploymentEffect] = []
    kept: list[KeptResource] = []
    for resource, found in reversed(look.found):
        if found is None:
            continue
        ours = look.ours(resource, found)
        if ours and resource.kind is ResourceKind.QUEUE and resource.name in full:
            kept.append(KeptResource(resource.purpose, resource.name, full[resource.name]))
            continue
        effects += RESOURCE_MODULES[resource.kind].delete(resource, found, ours=ours)
        if not ours:
            kept.append(KeptResource(resource.purpose, resource.name, "it was not made by this deployment"))
    return DeploymentPlan(tuple(effects), tuple(kept))


def states(look: StackState) -> tuple[ResourceState, ...]:
    """Return the state of each resource."""
    printable = []
    for resource, found in look.found:
        if found is None:
            printable.append(ResourceState(resource, "missing", {}))
            continue
        ours = look.ours(resource, found)
        facts = found.facts
        if (
            resource.kind is ResourceKind.NOTIFICATION
            and not found.actual["mine"]
            and not resource.desired.get("event_bridge")
        ):
            state = "missing"
        elif not ours:
            state = "theirs"
        else:
            state = _compared(resource, found)
        printable.append(ResourceState(resource, state, facts))
    return tuple(printable)


def _compared(resource: StackResource, found: ExistingResource) -> str:
    try:
        return "differs" if RESOURCE_MODULES[resource.kind].update(resource, found, ours=True) else "ok"
    except Conflict:
        return "conflict"


def _full_queues(look: StackState) -> dict[str, str]:
    """Return the queues to keep for their messages, with the reasons. A kept queue keeps its dead-letter queue."""
    queues = [
        (resource, found)
        for resource, found in look.of(ResourceKind.QUEUE)
        if found is not None and found.made_for(look.stack)
    ]
    full = {
        resource.name: f"it holds about {messages(found):,} message{'s' if messages(found) > 1 else ''}"
        for resource, found in queues
        if messages(found)
    }
    for resource, _ in queues:
        dead = resource.desired["attributes"].get("RedrivePolicy", {}).get("deadLetterTargetArn", "").rpartition(":")[2]
        if resource.name in full and dead:
            full.setdefault(dead, f"it is the dead-letter queue of {resource.name}")
    return full
