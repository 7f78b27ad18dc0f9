"""A plan: what would be done to a cluster, in which steps, and what follows from it. Pure; nothing here calls anybody."""

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
from windlass.memcached.model import Apply, Cluster, Node, Quota, Traffic
from windlass.memcached.placement import choose_removals, choose_zones, new_ids
from windlass.memcached.ring import Ring, Server, ketama, moved_ketama, moved_modulo

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
_DRAWS = 12  # rings tried where new nodes' addresses are not known yet


class PlanAction(StrEnum):
    """What a plan does."""

    CREATE = "create"
    SCALE_OUT = "scale out"
    SCALE_IN = "scale in"
    CANCEL = "cancel pending"
    DELETE = "delete"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """What is asked for: so many nodes; which go or where they come, if that matters; how many at once (0: all)."""

    to: int
    remove: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    step: int = 0
    pause_s: float = 0.0
    apply: Apply = Apply.IMMEDIATELY


@dataclass(frozen=True, slots=True)
class KeyMovement:
    """The share of keys that belongs to another node afterwards, 0 to 1, by how clients find nodes.

    `ketama_spread` is how far the ketama share may be off where new nodes' addresses are not known yet (one standard
    deviation over rings of made-up addresses); 0 where the ring is the real one.
    """

    ketama: float
    modulo: float
    ketama_spread: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleStep:
    """One change: from so many nodes to so many. `add` are ids to expect, `zones` theirs in the same order."""

    before: int
    to: int
    add: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    moved: KeyMovement = KeyMovement(0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """What would happen. `refusal` says why it can't; `moved` is over all steps together."""

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
    moved: KeyMovement = KeyMovement(0.0, 0.0)
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
        """The largest share that a single step moves."""
        moved = [step.moved for step in self.steps] or [self.moved]
        return KeyMovement(max(one.ketama for one in moved), max(one.modulo for one in moved))

    def hit_rate_after(self, moved: float) -> float | None:
        """The hit rate right after a share of the keys moved, when every key is asked for alike; None when not known."""
        return self.traffic.hit_rate * (1 - moved) if self.traffic else None

    def misses_per_s(self, moved: float) -> float | None:
        """The gets per second that go to what is behind the cache, over those that do already."""
        return self.traffic.gets_per_s * self.traffic.hit_rate * moved if self.traffic else None


def plan_scale(
    cluster: Cluster, wanted: ScaleRequest, *, quota: Quota, price: Price | None, traffic: Traffic | None, advised: int
) -> ClusterPlan:
    """How to come from the cluster as it is to `wanted`. UsageError for what contradicts itself or the cluster."""
    present = tuple(node for node in cluster.nodes if node.staying)
    _check(cluster, wanted)
    base = ClusterPlan(
        action=PlanAction.NOTHING,
        account_id=cluster.account_id,
        region=cluster.region,
        name=cluster.name,
        node_type=cluster.node_type,
        before=len(present),
        after=wanted.to,
        present=cluster.ids,
        pause_s=wanted.pause_s,
        apply=wanted.apply,
        zones_before=cluster.zones,
        zones_after=cluster.zones,
        traffic=traffic,
        price=price,
        quota=quota,
        replaces=_replaces(cluster, wanted.to),
        refusal=quotas.refusal(quota, wanted=wanted.to, present=len(present), region=cluster.region),
        warnings=quotas.warnings(quota, wanted=wanted.to, present=len(present), advised=advised),
    )
    if wanted.to == len(present):
        if not cluster.pending.count:
            return base
        step = ScaleStep(before=len(present), to=wanted.to)
        return replace(base, action=PlanAction.CANCEL, steps=(step,))
    if wanted.to < len(present):
        return _scale_in(base, present, wanted)
    return _scale_out(base, cluster, present, wanted)


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
    """A new cluster. UsageError for a name or node type that ElastiCache cannot take."""
    node_type = str(request.get("CacheNodeType", ""))
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be a cluster's name",
            hint="Use 1 to 50 letters, digits and hyphens: a letter first, no hyphen last, no two hyphens in a row.",
        )
    if not _NODE_TYPE.fullmatch(node_type):
        raise UsageError(f"{node_type!r} is no node type", hint="Node types look like cache.r7g.large.")
    if nodes < 1:
        raise UsageError(f"a cluster of {nodes} nodes can't be made", hint="It has at least one node.")
    ids = new_ids((), nodes)
    placed = choose_zones({}, zones, nodes) if zones else ()
    asked = dict(request) | (
        {"AZMode": "cross-az", "PreferredAvailabilityZones": list(placed)} if len(set(placed)) > 1 else {}
    )
    if len(set(placed)) == 1:
        asked["PreferredAvailabilityZone"] = placed[0]
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
        request=asked,
        refusal=quotas.refusal(quota, wanted=nodes, present=0, region=region),
        warnings=quotas.warnings(quota, wanted=nodes, present=0, advised=advised),
    )


def node_ids(words: Sequence[str]) -> tuple[str, ...]:
    """Node ids as AWS writes them (0007), each once, from words that may leave the zeros out (7)."""
    return tuple(dict.fromkeys(word.zfill(4) if word.isdigit() else word for word in words))


def plan_delete(cluster: Cluster, *, price: Price | None, traffic: Traffic | None) -> ClusterPlan:
    """No cluster any more: every key is gone."""
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


def _check(cluster: Cluster, wanted: ScaleRequest) -> None:
    present = cluster.ids
    if wanted.to < 1:
        raise UsageError(
            "a cluster keeps at least one node", hint=f"`windlass memcached delete {cluster.name}` ends it."
        )
    unknown = sorted(set(wanted.remove) - set(present))
    if unknown:
        raise UsageError(f"{cluster.name} has no node {', '.join(unknown)}", hint=f"It has {', '.join(present)}.")
    gone = len(present) - wanted.to
    if wanted.remove and len(set(wanted.remove)) != max(gone, 0):
        raise UsageError(
            f"--remove names {len(set(wanted.remove))} nodes, but {len(present)} → {wanted.to} removes {max(gone, 0)}",
            hint="Name exactly as many as go, or leave --remove out.",
        )
    if wanted.step < 0 or wanted.pause_s < 0:
        raise UsageError("--step and --pause can't be negative")
    changed = abs(gone)
    if wanted.apply is Apply.MAINTENANCE and 0 < wanted.step < changed:
        raise UsageError(
            "steps can't wait for the maintenance window: AWS keeps only the latest pending change",
            hint="Leave --step out, or use --apply immediately.",
        )
    if wanted.pause_s and not 0 < wanted.step < changed:
        raise UsageError("--pause needs --step with fewer nodes than change", hint="For example: --step 4 --pause 10m.")


def _replaces(cluster: Cluster, to: int) -> str:
    pending = cluster.pending
    if not pending.count:
        return ""
    what = f"removal of {len(pending.remove)} nodes" if pending.remove else f"growth to {pending.count} nodes"
    return f"the pending {what} is {'cancelled' if to == len(cluster.ids) else 'replaced'}"


def _scale_in(base: ClusterPlan, present: Sequence[Node], wanted: ScaleRequest) -> ClusterPlan:
    going = wanted.remove or choose_removals(present, len(present) - wanted.to)
    rings = _Rings(present)
    steps, left = [], list(present)
    for chunk in _chunks(going, wanted.step):
        after = [node for node in left if node.node_id not in chunk]
        moved = rings.moved(_names(left), _names(after))
        steps.append(ScaleStep(before=len(left), to=len(after), remove=tuple(chunk), moved=moved))
        left = after
    return replace(
        base,
        action=PlanAction.SCALE_IN,
        steps=tuple(steps),
        moved=rings.moved(_names(present), _names(left)),
        zones_after=Counter(node.zone for node in left),
        warnings=(*base.warnings, *_modulo_warning(steps)),
    )


def _scale_out(base: ClusterPlan, cluster: Cluster, present: Sequence[Node], wanted: ScaleRequest) -> ClusterPlan:
    count = wanted.to - len(present)
    if cluster.pending.count > len(present) and wanted.to < cluster.pending.count:
        base = replace(
            base,
            refusal=base.refusal
            or Conflict(
                f"{cluster.name} has {cluster.pending.count - len(present)} nodes pending creation, which can't be lowered to {count}",
                hint=f"Cancel them first: windlass memcached scale {cluster.name} --to {len(present)} --yes",
            ),
        )
    ids = new_ids(cluster.ids, count)
    offered = wanted.zones or tuple(sorted(cluster.zones))
    zones = choose_zones(cluster.zones, offered, count)
    growing = cluster.pending.count > len(present)  # those nodes have their zones already, and AWS counts them in
    rings = _Rings(present)
    steps, held = [], [(node.node_id, node.server) for node in present]
    for chunk in _chunks(list(zip(ids, zones, strict=True)), wanted.step):
        after = sorted(
            [*held, *((node_id, _address(present, node_id)) for node_id, _ in chunk)], key=lambda one: one[0]
        )
        step = ScaleStep(
            before=len(held),
            to=len(after),
            add=tuple(one for one, _ in chunk),
            zones=() if growing else tuple(zone for _, zone in chunk),
            moved=rings.moved(held, after),
        )
        steps.append(step)
        held = after
    return replace(
        base,
        action=PlanAction.SCALE_OUT,
        steps=tuple(steps),
        moved=rings.moved(_names(present), held),
        zones_after=Counter(cluster.zones) + Counter(zones),
        warnings=(*base.warnings, *_modulo_warning(steps)),
    )


def _modulo_warning(steps: Sequence[ScaleStep]) -> tuple[str, ...]:
    if len(steps) < 2 or statistics.fmean(step.moved.modulo for step in steps) < 0.5:
        return ()
    return ("for clients that hash by modulo each step moves most keys again: steps help ketama clients only",)


Held = Sequence[tuple[str, Server | None]]


def _names(nodes: Sequence[Node]) -> list[tuple[str, Server | None]]:
    return [(node.node_id, node.server) for node in sorted(nodes, key=lambda one: one.node_id)]


def _address(present: Sequence[Node], node_id: str) -> Server | None:
    """The address AWS will give a new node: in `web.x1.0001.use1.cache…` only the id differs. None where it does not show."""
    for node in present:
        if node.host and f".{node.node_id}." in node.host:
            return Server(re.sub(rf"\.{node.node_id}\.", f".{node_id}.", node.host, count=1), node.port)
    return None


class _Rings:
    """Rings over nodes of which some have no address yet: those get made-up ones, several times over."""

    def __init__(self, present: Sequence[Node]) -> None:
        self._port = next((node.port for node in present if node.port), 11211)
        self._made: dict[tuple[Server, ...], Ring] = {}

    def moved(self, before: Held, after: Held) -> KeyMovement:
        known = all(server is not None for _, server in [*before, *after])
        draws = [
            moved_ketama(self._ring(before, draw), self._ring(after, draw)) for draw in range(1 if known else _DRAWS)
        ]
        modulo = moved_modulo([Server(one) for one, _ in before], [Server(one) for one, _ in after])
        return KeyMovement(statistics.fmean(draws), modulo, statistics.stdev(draws) if len(draws) > 1 else 0.0)

    def _ring(self, held: Held, draw: int) -> Ring:
        servers = tuple(server or Server(f"node-{node_id}-{draw}", self._port) for node_id, server in held)
        if servers not in self._made:
            self._made[servers] = ketama(servers)
        return self._made[servers]


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    every = size or len(items)
    return [items[at : at + every] for at in range(0, len(items), every)]
