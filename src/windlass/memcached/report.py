"""A plan as text: the nodes that are added and removed, then the consequences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from windlass.core.units import format_duration
from windlass.memcached.model import Apply
from windlass.memcached.placement import spread
from windlass.memcached.plan import ClusterPlan, KeyMovement, PlanAction, ScaleStep

__all__ = ["plan_text"]

_MAX_NAMES = 8
_MARK = {
    PlanAction.CREATE: "+",
    PlanAction.SCALE_OUT: "+",
    PlanAction.SCALE_IN: "-",
    PlanAction.DELETE: "-",
    PlanAction.CANCEL: "~",
}


def plan_text(plan: ClusterPlan) -> str:
    """Return the plan, a line per fact."""
    return "\n".join(_lines(plan))


def _lines(plan: ClusterPlan) -> Iterator[str]:
    cluster = f"{plan.name} ({plan.node_type}) in {plan.region} of {plan.account_id}"
    if plan.action is PlanAction.NOTHING:
        yield f"{cluster} has {plan.before} nodes: nothing to change"
        return
    mark = _MARK[plan.action]
    yield f"{mark} {plan.action} {cluster}: {plan.before} → {plan.after} nodes"
    yield ""
    for number, step in enumerate(plan.steps, 1):
        yield from _step(plan, step, number)
    if plan.pause_s and len(plan.steps) > 1:
        yield f"    between steps      {format_duration(plan.pause_s)} for the cache to warm up"
    if plan.apply is Apply.MAINTENANCE:
        yield "    when               in the next maintenance window"
    if plan.replaces:
        yield f"  ~ pending            {plan.replaces}"
    yield ""
    if plan.action is not PlanAction.CANCEL:
        yield from _consequences(plan)
    for warning in plan.warnings:
        yield f"  ! {warning}"


def _step(plan: ClusterPlan, step: ScaleStep, number: int) -> Iterator[str]:
    head = f"step {number} of {len(plan.steps)}" if len(plan.steps) > 1 else "change"
    if step.add:
        placed = [f"{node_id} in {zone}" for node_id, zone in zip(step.add, step.zones, strict=False)] or list(step.add)
        yield f"  + {head:18} add {_named(placed)}"
    elif step.remove:
        yield f"  - {head:18} remove {_named(step.remove)}"
    else:
        yield f"  ~ {head:18} keep {step.to} nodes; cancel the pending change"
    if len(plan.steps) > 1:
        yield f"    {'':18} moves {_percent(step.moved.ketama)} of keys (ketama), {_percent(step.moved.modulo)} (modulo)"


def _consequences(plan: ClusterPlan) -> Iterator[str]:
    if plan.action in (PlanAction.SCALE_IN, PlanAction.SCALE_OUT):
        yield f"    keys moved         {_moved(plan.moved)}"
        yield f"    hit rate           {_hit_rate(plan)}"
    elif plan.action is PlanAction.DELETE:
        yield "    keys lost          all of them"
    if plan.action is PlanAction.CREATE and not plan.zones_after:
        yield "    zones              chosen by AWS"
    elif plan.zones_after or plan.zones_before:
        yield f"    zones              {_zones(plan.zones_before)} → {_zones(plan.zones_after)}"
        if spread(plan.zones_after) > 1:
            yield f"  ! zones are uneven by {spread(plan.zones_after)} nodes"
    yield f"    cost               {_cost(plan)}"
    if plan.quota is not None:
        yield f"    quota              {_quota(plan)}"


def _moved(movement: KeyMovement) -> str:
    about = f" ± {100 * movement.ketama_spread:.1f}" if movement.ketama_spread else ""
    return f"{_percent(movement.ketama)}{about} with ketama clients, {_percent(movement.modulo)} with modulo clients"


def _hit_rate(plan: ClusterPlan) -> str:
    if plan.traffic is None:
        return "unknown: neither the nodes nor CloudWatch report any gets"
    now = plan.traffic.hit_rate
    parts = []
    worst = plan.worst
    for name, share in (("ketama", worst.ketama), ("modulo", worst.modulo)):
        after, extra = plan.hit_rate_after(share) or 0.0, plan.misses_per_s(share) or 0.0
        parts.append(f"{_percent(after)} with {name} (+{extra:,.0f} misses/s)")
    when = "after its worst step" if len(plan.steps) > 1 else "at first"
    return f"{_percent(now)} → {when} {', '.join(parts)}; from {plan.traffic.source}"


def _cost(plan: ClusterPlan) -> str:
    if plan.price is None:
        return f"unknown: no price for {plan.node_type} in {plan.region} (set memcached.hourly_prices)"
    before, after = plan.price.monthly(plan.before), plan.price.monthly(plan.after)
    about = "" if plan.price.exact else "about "
    return f"{about}${before:,.0f} → ${after:,.0f} a month ({after - before:+,.0f}); {plan.price.source}"


def _quota(plan: ClusterPlan) -> str:
    quota = plan.quota
    if quota is None or quota.per_cluster is None:
        return f"unknown ({quota.problem if quota else ''})"
    kind = "" if quota.source == "applied" else " (AWS's default; the applied quota could not be read)"
    total = quota.in_use - plan.before + plan.after
    return (
        f"{plan.after} of {quota.per_cluster} nodes in the cluster, {total} of {quota.per_region} in the region{kind}"
    )


def _zones(zones: Mapping[str, int]) -> str:
    return " ".join(f"{zone}:{count}" for zone, count in sorted(zones.items())) or "none"


def _named(items: Sequence[str]) -> str:
    omitted = f" and {len(items) - _MAX_NAMES} more" if len(items) > _MAX_NAMES else ""
    return f"{len(items)}: {', '.join(items[:_MAX_NAMES])}{omitted}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
