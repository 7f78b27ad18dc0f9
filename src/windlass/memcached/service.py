"""The service of Memcached, for the command line, the API and the console."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from windlass.core import clock
from windlass.core.errors import Conflict, NotFound, UsageError, WindlassError
from windlass.core.pool import map_bounded
from windlass.estate.service import Estate
from windlass.memcached import aws, probe
from windlass.memcached.config import MemcachedConfig
from windlass.memcached.cost import Price, price_of
from windlass.memcached.model import Cluster, NodeStats, Quota, Traffic
from windlass.memcached.plan import ClusterPlan, ScaleRequest, plan_create, plan_delete, plan_scale

__all__ = ["ClusterListing", "Memcached", "NewCluster", "NodeReport", "ScopeFilter", "TargetFailure"]

_CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class ScopeFilter:
    """The accounts and regions to read; empty means all of the estate."""

    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetFailure:
    """An account and region that could not be read, with the error."""

    account_id: str
    region: str
    error: WindlassError


@dataclass(frozen=True, slots=True)
class ClusterListing:
    """The clusters, the quotas of each account and region that has clusters, and the failures."""

    clusters: tuple[Cluster, ...]
    quotas: dict[tuple[str, str], Quota]
    failures: tuple[TargetFailure, ...]


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A cluster with its configuration version from auto-discovery and the counters of its nodes."""

    cluster: Cluster
    config_version: int
    stats: tuple[NodeStats, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCluster:
    """A cluster to create."""

    name: str
    nodes: int
    node_type: str
    version: str = ""
    parameter_group: str = ""
    subnet_group: str = ""
    security_groups: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


class Memcached:
    """Reads and plans Memcached clusters of the estate. change_job.py changes them, as a job."""

    def __init__(
        self, estate: Callable[[], Estate], config: MemcachedConfig, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._estate = estate
        self.config = config
        self._now = now

    @property
    def estate(self) -> Estate:
        """Accounts and calls."""
        return self._estate()

    def list(self, targets: ScopeFilter = ScopeFilter()) -> ClusterListing:
        """Return every Memcached cluster with its quotas. A region that cannot be read is reported in `failures`."""
        clusters: list[Cluster] = []
        quotas: dict[tuple[str, str], Quota] = {}
        failures: list[TargetFailure] = []

        def read(target: tuple[str, str]) -> tuple[tuple[Cluster, ...], Quota | None]:
            listed, in_use = aws.list_clusters(self.estate, *target)
            return listed, aws.quota_in(self.estate, *target, in_use=in_use) if listed else None

        for outcome in map_bounded(read, self._targets(targets), limit=_CONCURRENCY, name="memcached"):
            if outcome.result is None:
                failures.append(TargetFailure(*outcome.item, _windlass_error(outcome.error)))
                continue
            listed, quota = outcome.result
            clusters += listed
            if quota is not None:
                quotas[outcome.item] = quota
        failures.sort(key=lambda failure: (failure.account_id, failure.region))
        return ClusterListing(tuple(sorted(clusters, key=lambda cluster: cluster.key)), quotas, tuple(failures))

    def find(self, name: str, targets: ScopeFilter = ScopeFilter()) -> Cluster:
        """Return the cluster of that name. NotFound; UsageError when several accounts or regions have one."""
        clusters: list[Cluster] = []
        errors: list[WindlassError] = []
        name = name.lower()
        for outcome in map_bounded(
            lambda target: aws.get_cluster(self.estate, *target, name),
            self._targets(targets),
            limit=_CONCURRENCY,
            name="memcached",
        ):
            if outcome.error is not None:
                errors.append(_windlass_error(outcome.error))
            elif outcome.result is not None:
                clusters.append(outcome.result)
        if len(clusters) > 1:
            locations = ", ".join(sorted(f"{cluster.region} of {cluster.account_id}" for cluster in clusters))
            raise UsageError(
                f"{len(clusters)} clusters are named {name}: in {locations}",
                hint="Choose one with --account and --region.",
            )
        if clusters:
            return clusters[0]
        if errors:
            raise errors[0]
        raise NotFound(f"there is no Memcached cluster {name!r}", hint="`windlass memcached list` shows all clusters.")

    def refresh(self, cluster: Cluster) -> Cluster | None:
        """Return the cluster's current state; None when it is deleted."""
        return aws.get_cluster(self.estate, cluster.account_id, cluster.region, cluster.name)

    def quota(self, account_id: str, region: str) -> Quota:
        """Return the quotas of an account and region, and the nodes in use."""
        _, in_use = aws.list_clusters(self.estate, account_id, region)
        return aws.quota_in(self.estate, account_id, region, in_use=in_use)

    def nodes(self, cluster: Cluster) -> NodeReport:
        """Read the cluster's nodes from its configuration endpoint, and the counters from each node."""
        if not cluster.host:
            raise Conflict(
                f"{cluster.name} has no configuration endpoint while it is {cluster.status}",
                hint="Wait until it is available.",
            )
        timeout_s = self.config.node_timeout_s
        config = probe.read_cluster_config(cluster.host, cluster.port, timeout_s=timeout_s, tls=cluster.tls)
        servers = [node.server for node in config.nodes]
        return NodeReport(cluster, config.version, probe.read_node_stats(cluster, servers, timeout_s=timeout_s))

    def traffic(self, cluster: Cluster) -> Traffic | None:
        """Return hit rate and gets per second from the nodes, else from CloudWatch; None when neither has them."""
        try:
            stats = self.nodes(cluster).stats
        except WindlassError:
            stats = ()
        return _traffic(stats) or aws.recent_traffic(self.estate, cluster, now=self._now())

    def plan_scale(self, cluster: Cluster, request: ScaleRequest) -> ClusterPlan:
        """Plan a change of the number of nodes. It changes nothing."""
        if cluster.status != "available":
            raise Conflict(
                f"{cluster.name} is {cluster.status}; only an available cluster can be changed",
                hint=f"`windlass memcached show {cluster.name}` shows its status; `windlass jobs resume` continues a change.",
            )
        return plan_scale(
            cluster,
            request,
            quota=self.quota(cluster.account_id, cluster.region),
            price=self._price(cluster),
            traffic=self.traffic(cluster),
            advised=self.config.warn_above_nodes,
        )

    def preview(self, cluster: Cluster, request: ScaleRequest, quota: Quota, stats: Sequence[NodeStats]) -> ClusterPlan:
        """Return the same plan from values read before; it makes no call."""
        return plan_scale(
            cluster,
            request,
            quota=quota,
            price=self._price(cluster),
            traffic=_traffic(stats),
            advised=self.config.warn_above_nodes,
        )

    def plan_create(self, new: NewCluster, targets: ScopeFilter = ScopeFilter()) -> ClusterPlan:
        """Plan a new cluster. It changes nothing."""
        selected = self._targets(targets)
        if len(selected) != 1:
            raise UsageError(
                f"a new cluster needs one account and one region, not {len(selected)}",
                hint="Add --account and --region.",
            )
        if new.nodes < 1:
            raise UsageError("a cluster needs at least one node")
        account_id, region = selected[0]
        if aws.get_cluster(self.estate, account_id, region, new.name.lower()) is not None:
            raise Conflict(
                f"{new.name} already exists in {region} of {account_id}",
                hint="`windlass memcached scale` changes it.",
            )
        request = {
            "CacheClusterId": new.name,
            "NumCacheNodes": new.nodes,
            "CacheNodeType": new.node_type,
            "EngineVersion": new.version,
            "CacheParameterGroupName": new.parameter_group,
            "CacheSubnetGroupName": new.subnet_group,
            "SecurityGroupIds": list(new.security_groups),
            "Tags": [{"Key": key, "Value": value} for key, value in new.tags],
            "AZMode": "cross-az" if new.nodes > 1 and not new.zones else "",
        }
        return plan_create(
            account_id,
            region,
            new.name.lower(),
            nodes=new.nodes,
            zones=new.zones,
            request={key: value for key, value in request.items() if value},
            quota=self.quota(account_id, region),
            price=price_of(new.node_type, region, self.config.hourly_prices),
            advised=self.config.warn_above_nodes,
        )

    def plan_delete(self, cluster: Cluster) -> ClusterPlan:
        """Plan the deletion of a cluster. It changes nothing."""
        return plan_delete(cluster, price=self._price(cluster), traffic=self.traffic(cluster))

    def _price(self, cluster: Cluster) -> Price | None:
        return price_of(cluster.node_type, cluster.region, self.config.hourly_prices)

    def _targets(self, targets: ScopeFilter) -> Sequence[tuple[str, str]]:
        accounts = targets.accounts or tuple(account.id for account in self.estate.accounts())
        for account_id in targets.accounts:
            self.estate.account(account_id)
        return [
            (account_id, region)
            for account_id in accounts
            for region in (targets.regions or tuple(map(str, self.estate.regions(account_id))))
        ]


def _traffic(stats: Sequence[NodeStats]) -> Traffic | None:
    gets, hits = sum(node.gets for node in stats), sum(node.hits for node in stats)
    uptime_s = max((node.uptime_s for node in stats), default=0)
    return Traffic(hits / gets, gets / max(uptime_s, 1), "the nodes' counters since they started") if gets else None


def _windlass_error(error: BaseException | None) -> WindlassError:
    if isinstance(error, WindlassError):
        return error
    raise error or AssertionError("an outcome has a result or an error")
