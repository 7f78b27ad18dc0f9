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
    resources: tuple[tuple[StackResource, ExistingResource | None], ...]

    def of(self, kind: ResourceKind) -> Sequence[tuple[StackResource, ExistingResource | None]]:
        """Return the resources of one kind."""
        return [pair for pair in self.resources if pair[0].kind is kind]

    def ours(self, resource: StackResource, existing: ExistingResource) -> bool:
        """Return whether this deployment made the resource, by its tags. A mapping belongs to its function's owner."""
        if resource.kind is ResourceKind.MAPPING:
            return any(other is not None and other.made_for(self.stack) for _, other in self.of(ResourceKind.FUNCTION))
        return resource.kind is ResourceKind.NOTIFICATION or existing.made_for(self.stack)


@dataclass(frozen=True, slots=True)
class ResourceState:
    """The state of a resource: `ok`, `missing`, `differs`, `theirs` (made by others, used unchanged) or `conflict`."""

    resource: StackResource
    state: str
    facts: Mapping[str, object]


def plan_create(state: StackState) -> DeploymentPlan:
    """Return the effects that create or update the stack. Conflict when a resource of others has the name of ours.

    A function that is new or changed, or that is about to receive events, is invoked once first. An interrupted check is part of
    the next plan.
    """
    steps: list[tuple[StackResource, tuple[DeploymentEffect, ...]]] = []
    for resource, existing in state.resources:
        kind = RESOURCE_MODULES[resource.kind]
        calls = (
            kind.create(resource, state.stack.tags)
            if existing is None
            else kind.update(resource, existing, ours=state.ours(resource, existing))
        )
        steps.append((resource, calls))
    due = any(calls for resource, calls in steps if resource.kind in _BEFORE_EVENTS)
    effects: list[DeploymentEffect] = []
    for resource, calls in steps:
        effects += calls
        if due and resource.kind is ResourceKind.FUNCTION:
            effects.append(StartCheck(resource.purpose, resource.name, f"{resource.name} starts"))
    return DeploymentPlan(tuple(effects))


def plan_delete(state: StackState, *, force: bool = False) -> DeploymentPlan:
    """Return the effects that delete the stack, in reverse order. Without `force`, queues with messages stay."""
    full = {} if force else _full_queues(state)
    effects: list[DeploymentEffect] = []
    kept: list[KeptResource] = []
    for resource, existing in reversed(state.resources):
        if existing is None:
            continue
        ours = state.ours(resource, existing)
        if ours and resource.kind is ResourceKind.QUEUE and resource.name in full:
            kept.append(KeptResource(resource.purpose, resource.name, full[resource.name]))
            continue
        effects += RESOURCE_MODULES[resource.kind].delete(resource, existing, ours=ours)
        if not ours:
            kept.append(KeptResource(resource.purpose, resource.name, "it was not made by this deployment"))
    return DeploymentPlan(tuple(effects), tuple(kept))


def states(stack_state: StackState) -> tuple[ResourceState, ...]:
    """Return the state of each resource."""
    printable = []
    for resource, existing in stack_state.resources:
        if existing is None:
            printable.append(ResourceState(resource, "missing", {}))
            continue
        ours = stack_state.ours(resource, existing)
        facts = existing.facts
        if (
            resource.kind is ResourceKind.NOTIFICATION
            and not existing.actual["own"]
            and not resource.desired.get("event_bridge")
        ):
            state = "missing"
        elif not ours:
            state = "theirs"
        else:
            state = _compared(resource, existing)
        printable.append(ResourceState(resource, state, facts))
    return tuple(printable)


def _compared(resource: StackResource, existing: ExistingResource) -> str:
    try:
        return "differs" if RESOURCE_MODULES[resource.kind].update(resource, existing, ours=True) else "ok"
    except Conflict:
        return "conflict"


def _full_queues(state: StackState) -> dict[str, str]:
    """Return the queues to keep for their messages, with the reasons. A kept queue keeps its dead-letter queue."""
    queues = [
        (resource, existing)
        for resource, existing in state.of(ResourceKind.QUEUE)
        if existing is not None and existing.made_for(state.stack)
    ]
    full = {
        resource.name: f"it holds about {messages(existing):,} message{'s' if messages(existing) > 1 else ''}"
        for resource, existing in queues
        if messages(existing)
    }
    for resource, _ in queues:
        dead = resource.desired["attributes"].get("RedrivePolicy", {}).get("deadLetterTargetArn", "").rpartition(":")[2]
        if resource.name in full and dead:
            full.setdefault(dead, f"it is the dead-letter queue of {resource.name}")
    return full
