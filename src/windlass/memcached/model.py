"""Clusters, nodes, counters, quotas and traffic, as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from windlass.memcached.ring import Server

__all__ = ["Apply", "Cluster", "Node", "NodeStats", "PendingChanges", "Quota", "Traffic"]


class Apply(StrEnum):
    """When AWS makes a change."""

    IMMEDIATELY = "immediately"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A cache node. It has no address while it is being created."""

    node_id: str
    status: str
    zone: str
    created_at: datetime | None
    host: str = ""
    port: int = 0

    @property
    def server(self) -> Server | None:
        """The node as clients put it on their ring; None without an address."""
        return Server(self.host, self.port) if self.host else None

    @property
    def is_staying(self) -> bool:
        """True unless the node is being removed."""
        return self.status not in ("deleting", "removing", "deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChanges:
    """The changes that wait for the maintenance window; a count of 0 means none."""

    count: int = 0
    remove: tuple[str, ...] = ()
    version: str = ""

    def __bool__(self) -> bool:
        return bool(self.count or self.remove or self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A Memcached cluster as AWS describes it; nodes are sorted by id."""

    account_id: str
    region: str
    name: str
    arn: str
    status: str
    node_type: str
    version: str
    count: int
    nodes: tuple[Node, ...] = ()
    host: str = ""
    port: int = 0
    tls: bool = False
    parameter_group: str = ""
    subnet_group: str = ""
    security_groups: tuple[str, ...] = ()
    window: str = ""
    created_at: datetime | None = None
    pending: PendingChanges = field(default_factory=PendingChanges)

    @property
    def key(self) -> str:
        """`account/region/name`: names are unique only within an account and region."""
        return f"{self.account_id}/{self.region}/{self.name}"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the nodes that stay."""
        return tuple(node.node_id for node in self.nodes if node.is_staying)

    @property
    def zones(self) -> Counter[str]:
        """The number of nodes in each zone."""
        return Counter(node.zone for node in self.nodes if node.is_staying)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The quotas of one account and region, and the nodes in use. None when unknown.

    `source` is `applied`, `default` (only AWS's default could be read) or `unknown`; `problem` has the reason.
    """

    per_cluster: int | None
    per_region: int | None
    in_use: int
    source: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStats:
    """A node's counters since it started, or the reason why they could not be read."""

    node_id: str
    zone: str
    host: str
    port: int
    version: str = ""
    uptime_s: int = 0
    gets: int = 0
    hits: int = 0
    sets: int = 0
    evictions: int = 0
    items: int = 0
    used_bytes: int = 0
    limit_bytes: int = 0
    connections: int = 0
    error: str = ""

    @property
    def hit_rate(self) -> float | None:
        """The share of gets that hit, 0 to 1; None before the first get."""
        return self.hits / self.gets if self.gets else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """A cluster's traffic: the share of gets that hit, gets per second, and the source of both."""

    hit_rate: float
    gets_per_s: float
    source: str
