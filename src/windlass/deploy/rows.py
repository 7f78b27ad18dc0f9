"""Plans and states as plain rows."""

from __future__ import annotations

from typing import Any

from windlass.deploy.effects import CHECK_EVENT, Call, Check, Effect, Plan, shown
from windlass.deploy.plan import State
from windlass.deploy.stacks import Stack

__all__ = ["effect_row", "plan_rows", "plan_value", "state_row"]


def effect_row(effect: Effect) -> dict[str, Any]:
    """One effect."""
    if isinstance(effect, Call):
        params = shown(effect.params)
        return {
            "part": effect.part,
            "call": f"{effect.service}:{effect.operation}",
            "what": effect.why,
            "params": params,
        }
    if isinstance(effect, Check):
        params = {"FunctionName": effect.function, "Payload": dict(CHECK_EVENT)}
        return {"part": effect.part, "call": "lambda:Invoke", "what": effect.why, "params": params}
    params = {"Bucket": effect.bucket, "entries": shown(effect.entries), "instead_of_ids": f"{effect.mark}*"}
    if effect.event_bridge:
        params["EventBridgeConfiguration"] = {}
    what = effect.why
    return {"part": effect.part, "call": "s3:PutBucketNotificationConfiguration", "what": what, "params": params}


def plan_rows(plan: Plan) -> list[dict[str, Any]]:
    """Effects in their order, and what stays."""
    kept = [{"part": one.part, "call": "(kept)", "what": f"{one.name}: {one.why}", "params": {}} for one in plan.kept]
    return [*map(effect_row, plan.effects), *kept]


def plan_value(stack: Stack, plan: Plan) -> dict[str, Any]:
    """A plan as a document."""
    return {
        "stack": f"{stack.kind}/{stack.name}",
        "account_id": stack.place.account_id,
        "region": stack.place.region,
        "effects": [effect_row(one) for one in plan.effects],
        "kept": [{"part": one.part, "name": one.name, "why": one.why} for one in plan.kept],
    }


def state_row(state: State) -> dict[str, Any]:
    """How a part stands."""
    return {
        "part": state.part.purpose,
        "kind": str(state.part.kind),
        "name": state.part.name,
        "state": state.state,
        "details": dict(state.facts),
    }
