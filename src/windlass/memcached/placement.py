"""The choice of nodes to remove and of zones for new nodes: zones stay even, and the newest nodes are removed first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from windlass.memcached.model import Node

__all__ = ["choose_removals", "choose_zones", "new_ids", "spread"]

_OLDEST = datetime.min.replace(tzinfo=UTC)


def choose_removals(nodes: Sequence[Node], count: int) -> tuple[str, ...]:
    """Return the ids of `count` nodes to remove: each time the newest node of the fullest zone."""
    remaining = sorted(nodes, key=_age)
    removed: list[str] = []
    for _ in range(count):
        zones = Counter(node.zone for node in remaining)
        fullest = max(zones.values())
        newest = next(node for node in reversed(remaining) if zones[node.zone] == fullest)
        remaining.remove(newest)
        removed.append(newest.node_id)
    return tuple(removed)


def choose_zones(present: Mapping[str, int], offered: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the zones of `count` new nodes: each time the emptiest of the offered zones."""
    nodes = Counter({zone: present.get(zone, 0) for zone in offered})
    chosen = []
    for _ in range(count):
        zone = min(sorted(nodes), key=lambda zone: nodes[zone])
        nodes[zone] += 1
        chosen.append(zone)
    return tuple(chosen)


def new_ids(existing: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the expected ids of new nodes: the lowest free ones. AWS decides."""
    used = set(existing)
    free = (f"{number:04}" for number in range(1, 10_000))
    return tuple(next(node_id for node_id in free if node_id not in used) for _ in range(count))


def spread(zones: Mapping[str, int]) -> int:
    """Return how many more nodes the fullest zone has than the emptiest."""
    counts = [count for count in zones.values() if count]
    return max(counts) - min(counts) if counts else 0


def _age(node: Node) -> tuple[datetime, str]:
    return (node.created_at or _OLDEST, node.node_id)
