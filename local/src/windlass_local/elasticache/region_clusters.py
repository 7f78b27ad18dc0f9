"""The Memcached clusters of one account and region: requests become state changes, and state changes become servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from windlass_local.elasticache import rules
from windlass_local.elasticache.cluster import Cluster, Node, far_window
from windlass_local.elasticache.errors import CacheError, combination, value
from windlass_local.elasticache.node_servers import NodeServers
from windlass_local.elasticache.quotas import NODES_PER_CLUSTER, NODES_PER_REGION, Quotas

__all__ = ["CacheTiming", "RegionClusters"]


@dataclass(slots=True)
class CacheTiming:
    """Seconds until a node is created, removed or restarted, and until a quota request is approved."""

    node_s: float = 2.0


@dataclass(slots=True)
class RegionClusters:
    """Clusters by name. Every public method advances time first, so that it sees the present state."""

    account_id: str
    name: str
    fleet: NodeServers
    pace: CacheTiming
    clock: Callable[[], float] = time.time
    clusters: dict[str, Cluster] = field(default_factory=dict)
    parameter_groups: dict[str, dict[str, str]] = field(default_factory=dict)
    quotas: Quotas = field(init=False)
    lock: Any = field(default_factory=threading.RLock)
    _later: set[threading.Timer] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.quotas = Quotas(self.account_id, self.name)

    def find(self, name: str) -> Cluster | None:
        """Return the cluster, or None."""
        self.settle()
        return self.clusters.get(name.lower())

    def create(
        self,
        parameters: Mapping[str, Any],
        *,
        other_nodes: int,
        zones: Callable[[str], Sequence[str]],
        taken: Callable[[str], bool],
    ) -> Cluster:
        """Create a cluster.

        `zones` are those of its subnet group (empty: the region's), `taken` the names of other engines' clusters.
        """
        with self.lock:
            self.settle()
            name = rules.check_name(str(parameters["CacheClusterId"]))
            if name in self.clusters or taken(name):
                raise CacheError("CacheClusterAlreadyExists", "Cache cluster already exists")
            now = self.clock()
            count = int(parameters.get("NumCacheNodes") or 1)
            if count < 1:
                raise value("NumCacheNodes must be at least 1.")
            self.check_quota(count, other_nodes=other_nodes, without="")
            version = rules.check_version(parameters.get("EngineVersion"))
            group = parameters.get("CacheParameterGroupName") or rules.default_parameter_group(version)
            self._check_parameter_group(group)
            subnet_group = parameters.get("CacheSubnetGroupName") or ""
            offered = tuple(zones(subnet_group))
            cluster = Cluster(
                name=name,
                account_id=self.account_id,
                region=self.name,
                arn=self.arn("cluster", name),
                node_type=rules.check_node_type(parameters.get("CacheNodeType")),
                version=version,
                parameter_group=group,
                subnet_group=subnet_group or "default",
                security_groups=tuple(parameters.get("SecurityGroupIds") or ()),
                zones_offered=offered,
                window=parameters.get("PreferredMaintenanceWindow") or far_window(now),
                created_at=now,
                auto_upgrade=parameters.get("AutoMinorVersionUpgrade") is not False,
            )
            cluster.add(_first_zones(parameters, count, offered), now, self.pace.node_s)
            self.clusters[name] = cluster
            self._wake(cluster)
            return cluster

    def modify(self, name: str, parameters: Mapping[str, Any], *, other_nodes: int) -> Cluster:
        """Apply ModifyCacheCluster."""
        with self.lock:
            cluster = self._need(name)
            count = int(parameters.get("NumCacheNodes") or 0)
            if count > len(cluster.ids()):
                self.check_quota(count, other_nodes=other_nodes, without=cluster.name)
            if parameters.get("CacheParameterGroupName"):
                self._check_parameter_group(parameters["CacheParameterGroupName"])
            cluster.modify(parameters, self.clock(), self.pace.node_s)
            self._wake(cluster)
            return cluster

    def reboot(self, name: str, ids: Sequence[str]) -> Cluster:
        """Apply RebootCacheCluster."""
        with self.lock:
            cluster = self._need(name)
            cluster.reboot(ids, self.clock(), self.pace.node_s)
            self._wake(cluster)
            return cluster

    def delete(self, name: str) -> Cluster:
        """Apply DeleteCacheCluster."""
        with self.lock:
            cluster = self._need(name)
            cluster.delete(self.clock(), self.pace.node_s)
            self._wake(cluster)
            return cluster

    def settle(self) -> None:
        """Advance time: open, restart and close servers according to the clusters' states."""
        with self.lock:
            now = self.clock()
            self.quotas.settle(now)
            for cluster in list(self.clusters.values()):
                if cluster.pending and cluster.status == "available" and cluster.in_window(now):
                    cluster.apply_pending(now, self.pace.node_s)
                    self._wake(cluster)
                self._serve(cluster, *cluster.settle(now))
                if cluster.status == "deleted":
                    del self.clusters[cluster.name]

    def check_quota(self, nodes: int, *, other_nodes: int, without: str) -> None:
        """Refuse `nodes` in a cluster; `other_nodes` are those of other engines in this region."""
        self.quotas.settle(self.clock())
        elsewhere = other_nodes + sum(
            len(cluster.ids()) for cluster in self.clusters.values() if cluster.name != without
        )
        rules.check_quota(
            nodes,
            per_cluster=int(self.quotas.value(NODES_PER_CLUSTER)),
            elsewhere=elsewhere,
            per_region=int(self.quotas.value(NODES_PER_REGION)),
        )

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of an ElastiCache resource here."""
        return f"arn:aws:elasticache:{self.name}:{self.account_id}:{kind}:{name}"

    def forget(self) -> None:
        """Close every server and forget every cluster: a reset, or the end."""
        with self.lock:
            for timer in self._later:
                timer.cancel()
            self._later.clear()
            for cluster in self.clusters.values():
                self.rest(cluster)
            self.clusters.clear()

    def rest(self, cluster: Cluster) -> None:
        """Close a cluster's servers; they start again, empty and perhaps on other ports, when the cluster is next read."""
        for number in [*(node.port for node in cluster.nodes), cluster.port]:
            if number:
                self.fleet.shut(number)
        cluster.port = 0
        for node in cluster.nodes:
            node.port = 0

    def describe(self, cluster: Cluster, *, with_nodes: bool) -> dict[str, Any]:
        """Return a cluster as DescribeCacheClusters does."""
        zones = cluster.by_zone()
        zone = next(iter(zones), "") if len(zones) == 1 else "Multiple"
        endpoint = {"ConfigurationEndpoint": _endpoint(cluster.port)} if cluster.port else {}
        nodes = {"CacheNodes": [_node(node) for node in cluster.nodes]} if with_nodes else {}
        groups = [{"SecurityGroupId": security_group, "Status": "active"} for security_group in cluster.security_groups]
        return {
            "CacheClusterId": cluster.name,
            "CacheNodeType": cluster.node_type,
            "Engine": "memcached",
            "EngineVersion": cluster.version,
            "CacheClusterStatus": cluster.status,
            "NumCacheNodes": len(cluster.ids()),
            "PreferredAvailabilityZone": zone,
            "CacheClusterCreateTime": _time(cluster.created_at),
            "PreferredMaintenanceWindow": cluster.window,
            "PendingModifiedValues": _pending(cluster),
            "CacheSecurityGroups": [],
            "CacheParameterGroup": {
                "CacheParameterGroupName": cluster.parameter_group,
                "ParameterApplyStatus": "in-sync",
                "CacheNodeIdsToReboot": [],
            },
            "CacheSubnetGroupName": cluster.subnet_group,
            "AutoMinorVersionUpgrade": cluster.auto_upgrade,
            "SecurityGroups": groups,
            "AuthTokenEnabled": False,
            "TransitEncryptionEnabled": False,
            "AtRestEncryptionEnabled": False,
            "ARN": cluster.arn,
            "ReplicationGroupLogDeliveryEnabled": False,
            "LogDeliveryConfigurations": [],
            "NetworkType": "ipv4",
            "IpDiscovery": "ipv4",
            **endpoint,
            **nodes,
        }

    def _need(self, name: str) -> Cluster:
        cluster = self.find(name)
        if cluster is None:
            raise CacheError("CacheClusterNotFound", f"CacheCluster not found: {name}")
        return cluster

    def _check_parameter_group(self, name: str) -> None:
        if not name.startswith("default.memcached") and name not in self.parameter_groups:
            raise CacheError("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {name}")

    def _serve(self, cluster: Cluster, restarted: list[Node], closed: list[Node]) -> None:
        for node in closed:
            if node.port:
                self.fleet.shut(node.port)
        for node in restarted:
            if node.port:
                self.fleet.restart(node.port)
        if cluster.status in ("deleting", "deleted"):
            if cluster.port:
                self.fleet.shut(cluster.port)
                cluster.port = 0
            return
        for node in cluster.serving():
            if not node.port:
                node.port = self.fleet.open(self._discoverer(cluster))
        if not cluster.port and cluster.serving():
            cluster.port = self.fleet.open(self._discoverer(cluster), through=lambda: _first_port(cluster))

    def _discoverer(self, cluster: Cluster) -> Callable[[str], bytes | None]:
        def discover(word: str) -> bytes | None:
            modern = rules.speaks_config(cluster.version)
            if (word == "config") is not modern:
                return None
            nodes = " ".join(f"127.0.0.1|127.0.0.1|{node.port}" for node in cluster.serving() if node.port)
            payload = f"{cluster.config_version}\n{nodes}\n"
            head = "CONFIG cluster" if modern else "VALUE AmazonElastiCache:cluster"
            return f"{head} 0 {len(payload)}\r\n{payload}\r\nEND\r\n".encode()

        return discover

    def _wake(self, cluster: Cluster) -> None:
        """Schedule a check for when the cluster's change is due: clients may watch the servers, not the API."""
        due = cluster.due()
        if due is None:
            return
        timer = threading.Timer(max(0.0, due - self.clock()) + 0.01, self._woken)
        timer.daemon = True
        self._later = {one for one in self._later if one.is_alive()} | {timer}
        timer.start()

    def _woken(self) -> None:
        self.settle()


def _first_zones(parameters: Mapping[str, Any], count: int, offered: Sequence[str]) -> tuple[str, ...]:
    zones = list(parameters.get("PreferredAvailabilityZones") or [])
    single = parameters.get("PreferredAvailabilityZone")
    if single and zones:
        raise combination("PreferredAvailabilityZone and PreferredAvailabilityZones can't be given together.")
    if single and single != "Multiple":
        zones = [single] * count
    return rules.place(count, mode=parameters.get("AZMode"), zones=zones, offered=offered, present={})


def _first_port(cluster: Cluster) -> int:
    return next((node.port for node in cluster.serving() if node.port), 0)


def _endpoint(port: int) -> dict[str, Any]:
    return {"Address": "127.0.0.1", "Port": port}


def _node(node: Node) -> dict[str, Any]:
    endpoint = {"Endpoint": _endpoint(node.port)} if node.port else {}
    return {
        "CacheNodeId": node.node_id,
        "CacheNodeStatus": node.status,
        "CacheNodeCreateTime": _time(node.created_at),
        "ParameterGroupStatus": "in-sync",
        "CustomerAvailabilityZone": node.zone,
        **endpoint,
    }


def _pending(cluster: Cluster) -> dict[str, Any]:
    pending = cluster.pending
    result: dict[str, Any] = {}
    if pending.count:
        result["NumCacheNodes"] = pending.count
    if pending.remove:
        result["CacheNodeIdsToRemove"] = list(pending.remove)
    if pending.version:
        result["EngineVersion"] = pending.version
    return result


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
