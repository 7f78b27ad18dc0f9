"""Memcached's use cases, the one door for the command line, the API and the console."""

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
from windlass.memcached.plan import Plan, Scale, plan_create, plan_delete, plan_scale

__all__ = ["Listing", "Memcached", "NewCluster", "Nodes", "Problem", "ScopeFilter"]

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class ScopeFilter:
    """Where to look: accounts and regions, all of the estate's unless named."""

    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """An account and region that could not be read, and why."""

    account_id: str
    region: str
    error: WindlassError


@dataclass(frozen=True, slots=True)
class Listing:
    """All clusters found, the quotas where there are any, and where nothing could be read."""

    clusters: tuple[Cluster, ...]
    quotas: dict[tuple[str, str], Quota]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    """What auto-discovery and the nodes themselves say of a cluster."""

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
    """Reading and planning Memcached clusters over the estate. What changes them is scaling.py, as a job."""

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

    def list(self, place: ScopeFilter = ScopeFilter()) -> Listing:
        """Every Memcached cluster with its quotas. A region that refuses or fails is a problem, not the end."""
        clusters: list[Cluster] = []
        quotas: dict[tuple[str, str], Quota] = {}
        problems: list[Problem] = []

        def look(where: tuple[str, str]) -> tuple[tuple[Cluster, ...], Quota | None]:
            found, in_use = aws.list_clusters(self.estate, *where)
            return found, aws.quota_in(self.estate, *where, in_use=in_use) if found else None

        for outcome in map_bounded(look, self._places(place), limit=_AT_ONCE, name="memcached"):
            if outcome.result is None:
                problems.append(Problem(*outcome.item, _ours(outcome.error)))
                continue
            found, quota = outcome.result
            clusters += found
            if quota is not None:
                quotas[outcome.item] = quota
        by_place = sorted(problems, key=lambda one: (one.account_id, one.region))
        return Listing(tuple(sorted(clusters, key=lambda one: one.key)), quotas, tuple(by_place))

    def find(self, name: str, place: ScopeFilter = ScopeFilter()) -> Cluster:
        """The cluster of that name. NotFound; UsageError when several places have one."""
        found: list[Cluster] = []
        failed: list[WindlassError] = []
        name = name.lower()
        for outcome in map_bounded(
            lambda where: aws.get_cluster(self.estate, *where, name),
            self._places(place),
            limit=_AT_ONCE,
            name="memcached",
        ):
            if outcome.error is not None:
                failed.append(_ours(outcome.error))
            elif outcome.result is not None:
                found.append(outcome.result)
        if len(found) > 1:
            places = ", ".join(sorted(f"{one.region} of {one.account_id}" for one in found))
            raise UsageError(
                f"{len(found)} clusters are named {name}: in {places}", hint="Say which: --account and --region."
            )
        if found:
            return found[0]
        if failed:
            raise failed[0]
        raise NotFound(f"there is no Memcached cluster {name!r}", hint="`windlass memcached list` shows them all.")

    def refresh(self, cluster: Cluster) -> Cluster | None:
        """The cluster as it is now; None when it is gone."""
        return aws.get_cluster(self.estate, cluster.account_id, cluster.region, cluster.name)

    def quota(self, account_id: str, region: str) -> Quota:
        """The quotas of a place and the nodes in use there."""
        _, in_use = aws.list_clusters(self.estate, account_id, region)
        return aws.quota_in(self.estate, account_id, region, in_use=in_use)

    def nodes(self, cluster: Cluster) -> Nodes:
        """Ask the configuration endpoint who is in the cluster, and each of those for its counters."""
        if not cluster.host:
            raise Conflict(
                f"{cluster.name} has no configuration endpoint: it is {cluster.status}",
                hint="Wait until it is available.",
            )
        timeout_s = self.config.node_timeout_s
        config = probe.ask_config(cluster.host, cluster.port, timeout_s=timeout_s, tls=cluster.tls)
        servers = [node.server for node in config.nodes]
        return Nodes(cluster, config.version, probe.ask_nodes(cluster, servers, timeout_s=timeout_s))

    def traffic(self, cluster: Cluster) -> Traffic | None:
        """Hit rate and gets per second: from the nodes where they can be reached, else from CloudWatch, else not known."""
        try:
            stats = self.nodes(cluster).stats
        except WindlassError:
            stats = ()
        return _traffic(stats) or aws.recent_traffic(self.estate, cluster, now=self._now())

    def plan_scale(self, cluster: Cluster, wanted: Scale) -> Plan:
        """What scaling would do. Nothing is changed."""
        if cluster.status != "available":
            raise Conflict(
                f"{cluster.name} is {cluster.status}; only an available cluster can be changed",
                hint=f"`windlass memcached show {cluster.name}` tells when; `windlass jobs resume` takes up an interrupted change.",
            )
        return plan_scale(
            cluster,
            wanted,
            quota=self.quota(cluster.account_id, cluster.region),
            price=self._price(cluster),
            traffic=self.traffic(cluster),
            advised=self.config.warn_above_nodes,
        )

    def preview(self, cluster: Cluster, wanted: Scale, quota: Quota, stats: Sequence[NodeStats]) -> Plan:
        """The same plan from what is known already: nobody is asked."""
        return plan_scale(
            cluster,
            wanted,
            quota=quota,
            price=self._price(cluster),
            traffic=_traffic(stats),
            advised=self.config.warn_above_nodes,
        )

    def plan_create(self, wanted: NewCluster, place: ScopeFilter = ScopeFilter()) -> Plan:
        """What creating would do. Nothing is changed."""
        places = self._places(place)
        if len(places) != 1:
            raise UsageError(
                f"a new cluster needs one account and one region, not {len(places)}", hint="Add --account and --region."
            )
        if wanted.nodes < 1:
            raise UsageError("a cluster has at least one node")
        account_id, region = places[0]
        if aws.get_cluster(self.estate, account_id, region, wanted.name.lower()) is not None:
            raise Conflict(
                f"{wanted.name} exists already in {region} of {account_id}",
                hint="`windlass memcached scale` changes it.",
            )
        request = {
            "CacheClusterId": wanted.name,
            "NumCacheNodes": wanted.nodes,
            "CacheNodeType": wanted.node_type,
            "EngineVersion": wanted.version,
            "CacheParameterGroupName": wanted.parameter_group,
            "CacheSubnetGroupName": wanted.subnet_group,
            "SecurityGroupIds": list(wanted.security_groups),
            "Tags": [{"Key": key, "Value": value} for key, value in wanted.tags],
            "AZMode": "cross-az" if wanted.nodes > 1 and not wanted.zones else "",
        }
        return plan_create(
            account_id,
            region,
            wanted.name.lower(),
            nodes=wanted.nodes,
            zones=wanted.zones,
            request={key: value for key, value in request.items() if value},
            quota=self.quota(account_id, region),
            price=price_of(wanted.node_type, region, self.config.hourly_prices),
            advised=self.config.warn_above_nodes,
        )

    def plan_delete(self, cluster: Cluster) -> Plan:
        """What deleting would do. Nothing is changed."""
        return plan_delete(cluster, price=self._price(cluster), traffic=self.traffic(cluster))

    def _price(self, cluster: Cluster) -> Price | None:
        return price_of(cluster.node_type, cluster.region, self.config.hourly_prices)

    def _places(self, place: ScopeFilter) -> Sequence[tuple[str, str]]:
        accounts = place.accounts or tuple(one.id for one in self.estate.accounts())
        for account_id in place.accounts:
            self.estate.account(account_id)
        return [
            (account_id, region)
            for account_id in accounts
            for region in (place.regions or tuple(map(str, self.estate.regions(account_id))))
        ]


def _traffic(stats: Sequence[NodeStats]) -> Traffic | None:
    gets, hits = sum(one.gets for one in stats), sum(one.hits for one in stats)
    uptime_s = max((one.uptime_s for one in stats), default=0)
    return Traffic(hits / gets, gets / max(uptime_s, 1), "the nodes' counters since they started") if gets else None


def _ours(error: BaseException | None) -> WindlassError:
    if isinstance(error, WindlassError):
        return error
    raise error or AssertionError("an outcome has a result or an error")
