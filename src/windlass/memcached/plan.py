"""Plans: the steps of a change to a cluster, and their consequences. Pure: planning makes no call."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from windlass.core.errors import Conflict, UsageError
from windlass.memcached import quota as quotas
from windlass.memcached.cost import Price
from windlass.memcached.key_movement import NO_MOVEMENT, KeyMovement, Rings, expected_server, named_servers
from windlass.memcached.model import Apply, Cluster, Node, Quota, Traffic
from windlass.memcached.placement import choose_removals, choose_zones, new_ids

__all__ = [
    "ClusterPlan",
    "KeyMovement",
    "PlanAction",
    "ScaleRequest",
    "ScaleStep",
    "node_ids",
    "plan_create",
    "plan_delete",
    "plan_scale",
]

_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,48}[A-Za-z0-9]|[A-Za-z]")
"""https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html, CacheClusterId"""
_NODE_TYPE = re.compile(r"cache\.[a-z0-9]+\.[a-z0-9]+")


class PlanAction(StrEnum):
    """The kind of change."""

    CREATE = "create"
    SCALE_OUT = "scale out"
    SCALE_IN = "scale in"
    CANCEL = "cancel pending"
    DELETE = "delete"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """A request for a number of nodes: optionally the nodes to remove, the zones of new ones, the nodes per step (0: all)."""

    to: int
    remove: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    step: int = 0
    pause_s: float = 0.0
    apply: Apply = Apply.IMMEDIATELY


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleStep:
    """One call to AWS: from `before` to `to` nodes. `add` are the expected ids, `zones` their zones in the same order."""

    before: int
    to: int
    add: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    moved: KeyMovement = NO_MOVEMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """A change that is not made yet. `refusal` is the reason why it cannot be made; `moved` covers all steps together."""

    action: PlanAction
    account_id: str
    region: str
    name: str
    node_type: str
    before: int
    after: int
    present: tuple[str, ...] = ()
    steps: tuple[ScaleStep, ...] = ()
    pause_s: float = 0.0
    apply: Apply = Apply.IMMEDIATELY
    moved: KeyMovement = NO_MOVEMENT
    zones_before: Mapping[str, int]
    zones_after: Mapping[str, int]
    traffic: Traffic | None = None
    price: Price | None = None
    quota: Quota | None = None
    replaces: str = ""
    warnings: tuple[str, ...] = ()
    refusal: Conflict | None = None
    request: Mapping[str, Any] | None = None

    @property
    def worst(self) -> KeyMovement:
        """The largest movement of a single step."""
        movements = [step.moved for step in self.steps] or [self.moved]
        return KeyMovement(max(step.ketama for step in movements), max(step.modulo for step in movements))

    def hit_rate_after(self, moved_share: float) -> float | None:
        """Return the hit rate after a share of the keys moved, if all keys are equally popular; None when unknown."""
        return self.traffic.hit_rate * (1 - moved_share) if self.traffic else None

    def misses_per_s(self, moved_share: float) -> float | None:
        """Return the additional gets per second that miss the cache; None when unknown."""
        return self.traffic.gets_per_s * self.traffic.hit_rate * moved_share if self.traffic else None


def plan_scale(
    cluster: Cluster, request: ScaleRequest, *, quota: Quota, price: Price | None, traffic: Traffic | None, advised: int
) -> ClusterPlan:
    """Plan a change of the number of nodes. UsageError for a request that contradicts itself or the cluster."""
    present = tuple(node for node in cluster.nodes if node.is_staying)
    _check(cluster, request)
    base = ClusterPlan(
        action=PlanAction.NOTHING,
        account_id=cluster.account_id,
        region=cluster.region,
        name=cluster.name,
        node_type=cluster.node_type,
        before=len(present),
        after=request.to,
        present=cluster.ids,
        pause_s=request.pause_s,
        apply=request.apply,
        zones_before=cluster.zones,
        zones_after=cluster.zones,
        traffic=traffic,
        price=price,
        quota=quota,
        replaces=_replaces(cluster, request.to),
        refusal=quotas.refusal(quota, target=request.to, present=len(present), region=cluster.region),
        warnings=quotas.warnings(quota, target=request.to, present=len(present), advised=advised),
    )
    if request.to == len(present):
        if not cluster.pending.count:
            return base
        step = ScaleStep(before=len(present), to=request.to)
        return replace(base, action=PlanAction.CANCEL, steps=(step,))
    if request.to < len(present):
        return _scale_in(base, present, request)
    return _scale_out(base, cluster, present, request)


def plan_create(
    account_id: str,
    region: str,
    name: str,
    *,
    nodes: int,
    zones: Sequence[str],
    request: Mapping[str, Any],
    quota: Quota,
    price: Price | None,
    advised: int,
) -> ClusterPlan:
    """Plan a new cluster. UsageError for a name or node type that ElastiCache does not accept."""
    node_type = str(request.get("CacheNodeType", ""))
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid cluster name",
            hint="Use 1 to 50 letters, digits and hyphens: begin with a letter, do not end with a hyphen, no two hyphens in a row.",
        )
    if not _NODE_TYPE.fullmatch(node_type):
        raise UsageError(f"{node_type!r} is not a node type", hint="Node types look like cache.r7g.large.")
    if nodes < 1:
        raise UsageError(f"a cluster cannot have {nodes} nodes", hint="Use at least one node.")
    ids = new_ids((), nodes)
    placed = choose_zones({}, zones, nodes) if zones else ()
    parameters = dict(request) | (
        {"AZMode": "cross-az", "PreferredAvailabilityZones": list(placed)} if len(set(placed)) > 1 else {}
    )
    if len(set(placed)) == 1:
        parameters["PreferredAvailabilityZone"] = placed[0]
    return ClusterPlan(
        action=PlanAction.CREATE,
        account_id=account_id,
        region=region,
        name=name,
        node_type=node_type,
        before=0,
        after=nodes,
        steps=(ScaleStep(before=0, to=nodes, add=ids, zones=placed),),
        zones_before={},
        zones_after=Counter(placed),
        price=price,
        quota=quota,
        request=parameters,
        refusal=quotas.refusal(quota, target=nodes, present=0, region=region),
        warnings=quotas.warnings(quota, target=nodes, present=0, advised=advised),
    )


def node_ids(words: Sequence[str]) -> tuple[str, ...]:
    """Return distinct node ids as AWS writes them (0007) for words that may omit the zeros (7)."""
    return tuple(dict.fromkeys(word.zfill(4) if word.isdigit() else word for word in words))


def plan_delete(cluster: Cluster, *, price: Price | None, traffic: Traffic | None) -> ClusterPlan:
    """Plan the deletion of a cluster and all its keys."""
    step = ScaleStep(before=len(cluster.ids), to=0, remove=cluster.ids, moved=KeyMovement(1.0, 1.0))
    return ClusterPlan(
        action=PlanAction.DELETE,
        account_id=cluster.account_id,
        region=cluster.region,
        name=cluster.name,
        node_type=cluster.node_type,
        before=len(cluster.ids),
        after=0,
        present=cluster.ids,
        steps=(step,),
        moved=KeyMovement(1.0, 1.0),
        zones_before=cluster.zones,
        zones_after={},
        price=price,
        traffic=traffic,
    )


def _check(cluster: Cluster, request: ScaleRequest) -> None:
    present = cluster.ids
    if request.to < 1:
        raise UsageError(
            "a cluster needs at least one node", hint=f"`windlass memcached delete {cluster.name}` deletes the cluster."
        )
    unknown = sorted(set(request.remove) - set(present))
    if unknown:
        raise UsageError(f"{cluster.name} has no node {', '.join(unknown)}", hint=f"It has {', '.join(present)}.")
    removed = len(present) - request.to
    if request.remove and len(set(request.remove)) != max(removed, 0):
        raise UsageError(
            f"--remove names {len(set(request.remove))} nodes, but {len(present)} → {request.to} removes {max(removed, 0)}",
            hint="Name exactly the nodes to remove, or leave out --remove.",
        )
    if request.step < 0 or request.pause_s < 0:
        raise UsageError("--step and --pause cannot be negative")
    changed = abs(removed)
    if request.apply is Apply.MAINTENANCE and 0 < request.step < changed:
        raise UsageError(
            "steps cannot wait for the maintenance window: AWS keeps only the latest pending change",
            hint="Leave out --step, or use --apply immediately.",
        )
    if request.pause_s and not 0 < request.step < changed:
        raise UsageError("--pause needs a --step smaller than the change", hint="For example: --step 4 --pause 10m.")


def _replaces(cluster: Cluster, to: int) -> str:
    pending = cluster.pending
    if not pending.count:
        return ""
    change = f"removal of {len(pending.remove)} nodes" if pending.remove else f"growth to {pending.count} nodes"
    return f"the pending {change} is {'cancelled' if to == len(cluster.ids) else 'replaced'}"


def _scale_in(base: ClusterPlan, present: Sequence[Node], request: ScaleRequest) -> ClusterPlan:
    removed = request.remove or choose_removals(present, len(present) - request.to)
    rings = Rings(present)
    steps, remaining = [], list(present)
    for chunk in _chunks(removed, request.step):
        after = [node for node in remaining if node.node_id not in chunk]
        movement = rings.movement(named_servers(remaining), named_servers(after))
        steps.append(ScaleStep(before=len(remaining), to=len(after), remove=tuple(chunk), moved=movement))
        remaining = after
    return replace(
        base,
        action=PlanAction.SCALE_IN,
        steps=tuple(steps),
        moved=rings.movement(named_servers(present), named_servers(remaining)),
        zones_after=Counter(node.zone for node in remaining),
        warnings=(*base.warnings, *_modulo_warning(steps)),
    )


def _scale_out(base: ClusterPlan, cluster: Cluster, present: Sequence[Node], request: ScaleRequest) -> ClusterPlan:
    count = request.to - len(present)
    if cluster.pending.count > len(present) and request.to < cluster.pending.count:
        base = replace(
            base,
            refusal=base.refusal
            or Conflict(
                f"{cluster.name} has {cluster.pending.count - len(present)} pending nodes, which cannot be lowered to {count}",
                hint=f"Cancel them first: windlass memcached scale {cluster.name} --to {len(present)} --yes",
            ),
        )
    ids = new_ids(cluster.ids, count)
    offered = request.zones or tuple(sorted(cluster.zones))
    zones = choose_zones(cluster.zones, offered, count)
    growing = cluster.pending.count > len(present)  # the pending nodes already have zones, and AWS counts them
    rings = Rings(present)
    steps, nodes = [], [(node.node_id, node.server) for node in present]
    for chunk in _chunks(list(zip(ids, zones, strict=True)), request.step):
        after = sorted(
            [*nodes, *((node_id, expected_server(present, node_id)) for node_id, _ in chunk)], key=lambda node: node[0]
        )
        step = ScaleStep(
            before=len(nodes),
            to=len(after),
            add=tuple(node_id for node_id, _ in chunk),
            zones=() if growing else tuple(zone for _, zone in chunk),
            moved=rings.movement(nodes, after),
        )
        steps.append(step)
        nodes = after
    return replace(
        base,
        action=PlanAction.SCALE_OUT,
        steps=tuple(steps),
        moved=rings.movement(named_servers(present), nodes),
        zones_after=Counter(cluster.zones) + Counter(zones),
        warnings=(*base.warnings, *_modulo_warning(steps)),
    )


def _modulo_warning(steps: Sequence[ScaleStep]) -> tuple[str, ...]:
    if len(steps) < 2 or statistics.fmean(step.moved.modulo for step in steps) < 0.5:
        return ()
    return ("each step moves most keys of clients that hash by modulo; steps help ketama clients only",)


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    length = size or len(items)
    return [items[start : start + length] for start in range(0, len(items), length)]
