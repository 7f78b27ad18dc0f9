"""Which nodes go and where new ones come: zones kept even, the newest go first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from windlass.memcached.model import Node

__all__ = ["choose_removals", "choose_zones", "new_ids", "spread"]

_EVER = datetime.min.replace(tzinfo=UTC)


def choose_removals(nodes: Sequence[Node], count: int) -> tuple[str, ...]:
    """The ids of `count` nodes to remove: each time the newest of the fullest zone, so that zones stay even."""
    left = sorted(nodes, key=_age)
    gone: list[str] = []
    for _ in range(count):
        zones = Counter(node.zone for node in left)
        fullest = max(zones.values())
        newest = next(node for node in reversed(left) if zones[node.zone] == fullest)
        left.remove(newest)
        gone.append(newest.node_id)
    return tuple(gone)


def choose_zones(present: Mapping[str, int], offered: Sequence[str], count: int) -> tuple[str, ...]:
    """The zones of `count` new nodes: each time the emptiest of those offered."""
    nodes = Counter({zone: present.get(zone, 0) for zone in offered})
    chosen = []
    for _ in range(count):
        zone = min(sorted(nodes), key=lambda one: nodes[one])
        nodes[zone] += 1
        chosen.append(zone)
    return tuple(chosen)


def new_ids(taken: Sequence[str], count: int) -> tuple[str, ...]:
    """The ids to expect of new nodes: the lowest that are free. AWS decides."""
    used = set(taken)
    free = (f"{number:04}" for number in range(1, 10_000))
    return tuple(next(one for one in free if one not in used) for _ in range(count))


def spread(zones: Mapping[str, int]) -> int:
    """How many nodes the fullest zone has over the emptiest."""
    counts = [count for count in zones.values() if count]
    return max(counts) - min(counts) if counts else 0


def _age(node: Node) -> tuple[datetime, str]:
    return (node.created_at or _EVER, node.node_id)
