"""Rows of plans and states, for tables and JSON."""

from __future__ import annotations

from typing import Any

from windlass.deploy.effects import CHECK_EVENT, ApiCall, DeploymentEffect, DeploymentPlan, StartCheck, printable
from windlass.deploy.plan import ResourceState
from windlass.deploy.stack import Stack

__all__ = ["effect_row", "plan_rows", "plan_value", "state_row"]


def effect_row(effect: DeploymentEffect) -> dict[str, Any]:
    """Return the row of one effect."""
    if isinstance(effect, ApiCall):
        params = printable(effect.params)
        return {
            "resource": effect.resource,
            "call": f"{effect.service}:{effect.operation}",
            "what": effect.why,
            "params": params,
        }
    if isinstance(effect, StartCheck):
        params = {"FunctionName": effect.function, "Payload": dict(CHECK_EVENT)}
        return {"resource": effect.resource, "call": "lambda:Invoke", "what": effect.why, "params": params}
    params = {"Bucket": effect.bucket, "entries": printable(effect.entries), "instead_of_ids": f"{effect.mark}*"}
    if effect.event_bridge:
        params["EventBridgeConfiguration"] = {}
    what = effect.why
    return {
        "resource": effect.resource,
        "call": "s3:PutBucketNotificationConfiguration",
        "what": what,
        "params": params,
    }


def plan_rows(plan: DeploymentPlan) -> list[dict[str, Any]]:
    """Return the rows of the effects in order, and of kept resources."""
    kept = [
        {"resource": kept.resource, "call": "(kept)", "what": f"{kept.name}: {kept.why}", "params": {}}
        for kept in plan.kept
    ]
    return [*map(effect_row, plan.effects), *kept]


def plan_value(stack: Stack, plan: DeploymentPlan) -> dict[str, Any]:
    """Return a plan as a JSON document."""
    return {
        "stack": f"{stack.kind}/{stack.name}",
        "account_id": stack.place.account_id,
        "region": stack.place.region,
        "effects": [effect_row(effect) for effect in plan.effects],
        "kept": [{"resource": kept.resource, "name": kept.name, "why": kept.why} for kept in plan.kept],
    }


def state_row(state: ResourceState) -> dict[str, Any]:
    """Return the row of a resource's state."""
    return {
        "resource": state.resource.purpose,
        "kind": str(state.resource.kind),
        "name": state.resource.name,
        "state": state.state,
        "details": dict(state.facts),
    }
