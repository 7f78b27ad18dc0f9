"""A cluster's life as a state machine over time: no clock, no sockets. The caller passes the time.

Every change takes `node_s` seconds: nodes are creating, rebooting or deleting until then, and so is the cluster's
status. Changes that are not applied at once wait for the maintenance window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from windlass_local.elasticache import rules
from windlass_local.elasticache.errors import CacheError, combination, value

__all__ = ["Cluster", "Node", "Pending", "far_window"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK_MINUTES = 7 * 24 * 60


@dataclass(slots=True)
class Node:
    """A node; `until` is when its transition ends, `port` is 0 until one is assigned."""

    node_id: str
    zone: str
    created_at: float
    status: str = "creating"
    until: float = 0.0
    port: int = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """Changes that wait for the maintenance window; a count of 0 means none."""

    count: int = 0
    zones: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    version: str = ""

    def __bool__(self) -> bool:
        return bool(self.count or self.version)


@dataclass(slots=True)
class Cluster:
    """One Memcached cluster. `config_version` counts node changes, as auto-discovery reports them."""

    name: str
    account_id: str
    region: str
    arn: str
    node_type: str
    version: str
    parameter_group: str
    subnet_group: str
    security_groups: tuple[str, ...]
    zones_offered: tuple[str, ...]
    window: str
    created_at: float
    auto_upgrade: bool = True
    status: str = "creating"
    nodes: list[Node] = field(default_factory=list)
    pending: Pending = field(default_factory=Pending)
    config_version: int = 0
    port: int = 0

    def ids(self) -> tuple[str, ...]:
        """Return the ids of the nodes that stay."""
        return tuple(node.node_id for node in self.nodes if node.status != "deleting")

    def by_zone(self) -> Counter[str]:
        """Count nodes by zone."""
        return Counter(node.zone for node in self.nodes if node.status != "deleting")

    def serving(self) -> tuple[Node, ...]:
        """Return the nodes that clients may use, by id."""
        return tuple(node for node in self.nodes if node.status in ("available", "rebooting"))

    def settle(self, now: float) -> tuple[list[Node], list[Node]]:
        """Advance time to `now`; return the nodes to restart (their content is lost) and those to close."""
        restarted, closed = [], []
        for node in [node for node in self.nodes if node.until <= now]:
            match node.status:
                case "creating":
                    self.config_version += 1
                case "rebooting":
                    restarted.append(node)
                case "deleting":
                    closed.append(node)
                    self.nodes.remove(node)
                    continue
            node.status = "available"
        if self.status not in ("available", "deleting", "deleted") and all(
            node.status == "available" for node in self.nodes
        ):
            self.status = "available"
        if self.status == "deleting" and not self.nodes:
            self.status = "deleted"
        return restarted, closed

    def due(self) -> float | None:
        """Return when the next transition happens by itself, or None."""
        busy = [node.until for node in self.nodes if node.status != "available"]
        return min(busy) if busy else None

    def add(self, zones: Sequence[str], now: float, node_s: float) -> None:
        """Start creating a node in each of these zones; ids are the lowest free ones."""
        taken = {node.node_id for node in self.nodes}
        free = (f"{number:04}" for number in range(1, 10_000))
        for zone in zones:
            node_id = next(node for node in free if node not in taken)
            self.nodes.append(Node(node_id, zone, created_at=now, until=now + node_s))
        self.nodes.sort(key=lambda node: node.node_id)

    def remove(self, ids: Sequence[str], now: float, node_s: float) -> None:
        """Start deleting these nodes: they leave the configuration at once."""
        for node in self.nodes:
            if node.node_id in ids:
                node.status, node.until = "deleting", now + node_s
        self.config_version += len(ids)

    def delete(self, now: float, node_s: float) -> None:
        """Start deleting the cluster."""
        self._need_available()
        self.status = "deleting"
        self.remove([node.node_id for node in self.nodes], now, node_s)

    def reboot(self, ids: Sequence[str], now: float, node_s: float) -> None:
        """Start restarting these nodes."""
        self._need_available()
        unknown = sorted(set(ids) - set(self.ids()))
        if unknown or not ids:
            raise value(f"CacheNodeIdsToReboot is not valid: {', '.join(unknown)}")
        self.status = "rebooting cluster nodes"
        for node in self.nodes:
            if node.node_id in ids:
                node.status, node.until = "rebooting", now + node_s

    def modify(self, parameters: Mapping[str, Any], now: float, node_s: float) -> None:
        """Apply ModifyCacheCluster: requested changes join or replace pending ones; then all of them, or none, are applied."""
        self._need_available()
        if parameters.get("CacheNodeType") not in (None, self.node_type):
            raise combination("The node type of a Memcached cluster can't be modified.")
        count = parameters.get("NumCacheNodes")
        if count is None and (parameters.get("CacheNodeIdsToRemove") or parameters.get("NewAvailabilityZones")):
            raise combination("CacheNodeIdsToRemove and NewAvailabilityZones need NumCacheNodes.")
        pending = self.pending if count is None else self._resized(int(count), parameters)
        if parameters.get("EngineVersion"):
            version = rules.check_version(parameters["EngineVersion"], now=self.version)
            pending = Pending(pending.count, pending.zones, pending.remove, version if version != self.version else "")
        self.window = parameters.get("PreferredMaintenanceWindow") or self.window
        self.parameter_group = parameters.get("CacheParameterGroupName") or self.parameter_group
        self.security_groups = tuple(parameters.get("SecurityGroupIds") or self.security_groups)
        self.pending = pending
        if parameters.get("ApplyImmediately"):
            self.apply_pending(now, node_s)

    def apply_pending(self, now: float, node_s: float) -> None:
        """Start every pending change."""
        pending, self.pending = self.pending, Pending()
        if not pending or self.status != "available":
            return
        self.status = "modifying"
        if pending.zones:
            self.add(pending.zones, now, node_s)
        if pending.remove:
            self.remove(pending.remove, now, node_s)
        if pending.version:
            self.version = pending.version
            for node in self.nodes:
                if node.status == "available":  # a new engine starts empty
                    node.status, node.until = "rebooting", now + node_s

    def in_window(self, now: float) -> bool:
        """True when `now` is inside the maintenance window (`sun:05:00-sun:06:00`, UTC)."""
        start, _, end = self.window.partition("-")
        at = datetime.fromtimestamp(now, UTC)
        minute = at.weekday() * 1440 + at.hour * 60 + at.minute
        return (minute - _minute(start)) % _WEEK_MINUTES < (_minute(end) - _minute(start)) % _WEEK_MINUTES

    def _resized(self, count: int, parameters: Mapping[str, Any]) -> Pending:
        present = self.ids()
        remove = list(parameters.get("CacheNodeIdsToRemove") or [])
        zones = list(parameters.get("NewAvailabilityZones") or [])
        coming = len(present) + len(self.pending.zones)
        if count < 1:
            raise value("NumCacheNodes must be at least 1.")
        if count < len(present):
            removed = rules.check_removal(present, count, remove)
            return Pending(count, remove=removed, version=self.pending.version)
        if remove:
            raise combination(
                "CacheNodeIdsToRemove is only valid when NumCacheNodes is less than the existing number of cache nodes."
            )
        if count == len(present):
            return Pending(version=self.pending.version)
        if count < coming:
            raise combination(
                f"{coming - len(present)} cache nodes are pending creation; cancel them by NumCacheNodes={len(present)} first."
            )
        new = rules.place(
            count - coming,
            mode=parameters.get("AZMode"),
            zones=zones,
            offered=self.zones_offered,
            present=self.by_zone() + Counter(self.pending.zones),
        )
        return Pending(count, zones=(*self.pending.zones, *new), version=self.pending.version)

    def _need_available(self) -> None:
        if self.status != "available":
            raise CacheError(
                "InvalidCacheClusterState", f"Cache cluster {self.name} is not in available state: {self.status}."
            )


def far_window(now: float) -> str:
    """Return the maintenance window of a cluster created without one: an hour at least two days away.

    AWS picks the day at random. Here a pending change must stay pending for a while on any day.
    """
    day = _DAYS[(datetime.fromtimestamp(now, UTC).weekday() + 3) % len(_DAYS)]
    return f"{day}:05:00-{day}:06:00"


def _minute(word: str) -> int:
    day, hour, minute = word.split(":")
    if day not in _DAYS:
        raise value(f"Invalid maintenance window: {word}")
    return _DAYS.index(day) * 1440 + int(hour) * 60 + int(minute)
