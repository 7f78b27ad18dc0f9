"""ElastiCache: moto's for Redis, with Memcached clusters and parameter groups of our own.

A Memcached cluster's nodes have working endpoints: real memcached servers where the program is installed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.exceptions import ElastiCacheException
from moto.elasticache.models import ElastiCacheBackend, elasticache_backends
from moto.elasticache.responses import ElastiCacheResponse

from windlass_local.elasticache.errors import CacheError, value
from windlass_local.elasticache.node_servers import NodeServers
from windlass_local.elasticache.region_clusters import CacheTiming, RegionClusters

__all__ = ["CACHE_TIMING", "PRIVATE_NAMES", "cache_nodes", "install", "region_of", "started", "stopped"]

PRIVATE_NAMES = (
    "moto.elasticache.models.ElastiCacheBackend.create_cache_subnet_group",
    "moto.elasticache.models.elasticache_backends",
    "moto.elasticache.responses.ElastiCacheResponse.create_cache_cluster",
    "moto.elasticache.responses.ElastiCacheResponse.describe_cache_clusters",
    "moto.elasticache.responses.ElastiCacheResponse.delete_cache_cluster",
    "moto.core.responses.ActionResult",
    "moto.core.responses.EmptyResult",
    "moto.elasticache.exceptions.ElastiCacheException",
)

# moto's state belongs to the process, and so do the servers behind it.
CACHE_TIMING = CacheTiming()
_FLEET = NodeServers()
_LOCK = threading.Lock()
_USERS: list[object] = []

_PATCHED = "_windlass_memcached"
_REGION = "windlass_region"
_FEWEST, _MOST = 20, 100  # MaxRecords


def started(user: object) -> None:
    """Register one more embedded AWS of this process that uses the servers."""
    with _LOCK:
        _USERS.append(user)


def stopped(user: object) -> None:
    """Unregister one; with the last one every server stops. Clusters stay in moto's state; a read starts their servers again."""
    with _LOCK:
        _USERS[:] = [other_user for other_user in _USERS if other_user is not user]
        if _USERS:
            return
    for region in _regions():
        with region.lock:
            for cluster in region.clusters.values():
                region.rest(cluster)
    _FLEET.close()


def region_of(account_id: str, name: str) -> RegionClusters:
    """Return the Memcached clusters of an account and region."""
    backend = elasticache_backends[account_id][name]
    with _LOCK:
        if _REGION not in backend.__dict__:
            backend.__dict__[_REGION] = RegionClusters(account_id, name, _FLEET, CACHE_TIMING)
        result: RegionClusters = backend.__dict__[_REGION]
        return result


def cache_nodes(path: str) -> dict[str, Any] | None:
    """Return the servers of a cluster's nodes, by `<account>/<region>/<cluster>`, for tests and demos; None for an unknown cluster."""
    account_id, _, rest = path.partition("/")
    name, _, cluster_name = rest.partition("/")
    if not cluster_name or account_id not in elasticache_backends or name not in elasticache_backends[account_id]:
        return None
    cluster = region_of(account_id, name).find(cluster_name)
    if cluster is None:
        return None
    return {
        "status": cluster.status,
        "config_version": cluster.config_version,
        "port": cluster.port,
        "nodes": [
            {
                "id": node.node_id,
                "zone": node.zone,
                "status": node.status,
                "port": node.port,
                "server": _FLEET.running(node.port),
            }
            for node in cluster.nodes
        ],
    }


def install() -> None:
    """Patch moto's ElastiCache; a second call changes nothing."""
    if hasattr(ElastiCacheResponse, _PATCHED):
        return
    setattr(ElastiCacheResponse, _PATCHED, True)
    _patch_backend()
    for name, own in _SHARED.items():
        setattr(ElastiCacheResponse, name, _by_engine(own, getattr(ElastiCacheResponse, name)))
    for name, own in _ADDED.items():
        setattr(ElastiCacheResponse, name, _by_engine(own, _unknown))
    for method in (create_cache_parameter_group, describe_cache_parameter_groups, delete_cache_parameter_group):
        setattr(ElastiCacheResponse, method.__name__, method)


def _patch_backend() -> None:
    init = ElastiCacheBackend.reset

    def reset(self: Any) -> None:
        region = self.__dict__.get(_REGION)
        if region is not None:
            region.forget()
        init(self)

    ElastiCacheBackend.reset = reset
    tagged = ElastiCacheBackend.iter_tagged_resources

    def iter_tagged_resources(self: Any) -> Any:
        yield from tagged(self)
        region = self.__dict__.get(_REGION)
        if region is not None:
            from moto.core.resource_tagging import TaggedResource

            for cluster in list(region.clusters.values()):
                tags = self.tagging_service.get_tag_dict_for_resource(cluster.arn)
                yield TaggedResource(
                    arn=cluster.arn,
                    tags=tags,
                    resource_type="elasticache:cache_clusters",
                    extra={"include_untagged": True},
                )

    ElastiCacheBackend.iter_tagged_resources = iter_tagged_resources


def _regions() -> list[RegionClusters]:
    backends = [backend for account in list(elasticache_backends.values()) for backend in list(account.values())]
    return [backend.__dict__[_REGION] for backend in backends if _REGION in backend.__dict__]


def _clusters_of(response: Any) -> RegionClusters:
    return region_of(response.current_account, response.region)


Do = Callable[[RegionClusters, Mapping[str, Any], Any], Any]


def _by_engine(own: Do, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return an operation that handles Memcached clusters (and unknown names) here, and leaves the others to moto."""

    def act(response: Any) -> Any:
        parameters, region = _parameters(response), _clusters_of(response)
        if _is_theirs(response, parameters):
            return original(response)
        try:
            return ActionResult(own(region, parameters, response))
        except CacheError as error:
            raise ElastiCacheException(error.code, error.message) from None

    return act


def _is_theirs(response: Any, parameters: Mapping[str, Any]) -> bool:
    name = str(parameters.get("CacheClusterId", ""))
    if response._get_action() == "CreateCacheCluster":  # noqa: SLF001
        return str(parameters.get("Engine", "")).lower() != "memcached"
    return name in response.elasticache_backend.cache_clusters


def _unknown(_: Any) -> Any:
    raise NotImplementedError


def _parameters(response: Any) -> dict[str, Any]:
    result: dict[str, Any] = response._get_params()  # noqa: SLF001  moto's responses have no other way
    return result


def _one(region: RegionClusters, cluster: Any) -> dict[str, Any]:
    return {"CacheCluster": region.describe(cluster, with_nodes=False)}


def _create(region: RegionClusters, parameters: Mapping[str, Any], response: Any) -> dict[str, Any]:
    backend = response.elasticache_backend

    def zones(group: str) -> Sequence[str]:
        from moto.ec2.models import ec2_backends  # large, and rarely needed

        ec2 = ec2_backends[region.account_id][region.name]
        if not group:
            return sorted(zone.name for zone in ec2.describe_availability_zones())
        result = backend.cache_subnet_groups.get(group)
        if result is None:
            raise CacheError("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup not found: {group}")
        return sorted({subnet.availability_zone for subnet in ec2.describe_subnets(subnet_ids=result.subnet_ids)})

    cluster = region.create(
        parameters, other_nodes=_other_nodes(response), zones=zones, taken=lambda name: name in backend.cache_clusters
    )
    if parameters.get("Tags"):
        backend.tagging_service.tag_resource(cluster.arn, parameters["Tags"])
    return _one(region, cluster)


def _modify(region: RegionClusters, parameters: Mapping[str, Any], response: Any) -> dict[str, Any]:
    return _one(region, region.modify(parameters["CacheClusterId"], parameters, other_nodes=_other_nodes(response)))


def _reboot(region: RegionClusters, parameters: Mapping[str, Any], _: Any) -> dict[str, Any]:
    return _one(region, region.reboot(parameters["CacheClusterId"], parameters.get("CacheNodeIdsToReboot") or []))


def _delete(region: RegionClusters, parameters: Mapping[str, Any], _: Any) -> dict[str, Any]:
    return _one(region, region.delete(parameters["CacheClusterId"]))


def _other_nodes(response: Any) -> int:
    backend = response.elasticache_backend
    groups = sum(len(group.member_clusters) for group in backend.replication_groups.values())
    return groups + sum(cache_cluster.num_cache_nodes for cache_cluster in backend.cache_clusters.values())


def _describe(region: RegionClusters, parameters: Mapping[str, Any], response: Any) -> dict[str, Any]:
    with_nodes = str(parameters.get("ShowCacheNodeInfo", "")).lower() == "true"
    most = int(parameters.get("MaxRecords") or _MOST)
    if not _FEWEST <= most <= _MOST:
        raise value(f"Invalid value {most} for MaxRecords. Must be between {_FEWEST} and {_MOST}")
    cluster_id = str(parameters.get("CacheClusterId") or "").lower()
    if cluster_id and region.find(cluster_id) is None:
        raise CacheError("CacheClusterNotFound", f"CacheCluster not found: {cluster_id}")
    region.settle()
    with region.lock:
        rows: dict[str, Any] = {
            cluster.name: region.describe(cluster, with_nodes=with_nodes)
            for cluster in region.clusters.values()
            if cluster_id in ("", cluster.name)
        }
    if not cluster_id:
        rows |= dict(response.elasticache_backend.cache_clusters)
    names = sorted(name for name in rows if name > str(parameters.get("Marker") or ""))
    more = {"Marker": names[most - 1]} if len(names) > most else {}
    return {"CacheClusters": [rows[name] for name in names[:most]], **more}


_SHARED: Mapping[str, Do] = {
    "create_cache_cluster": _create,
    "describe_cache_clusters": _describe,
    "delete_cache_cluster": _delete,
}
_ADDED: Mapping[str, Do] = {"modify_cache_cluster": _modify, "reboot_cache_cluster": _reboot}


def create_cache_parameter_group(self: Any) -> ActionResult:
    """Answer CreateCacheParameterGroup."""
    parameters, region = _parameters(self), _clusters_of(self)
    name = parameters["CacheParameterGroupName"]
    if name in region.parameter_groups:
        raise ElastiCacheException("CacheParameterGroupAlreadyExists", f"Cache parameter group {name} already exists.")
    region.parameter_groups[name] = {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": parameters["CacheParameterGroupFamily"],
        "Description": parameters["Description"],
        "ARN": region.arn("parametergroup", name),
    }
    return ActionResult({"CacheParameterGroup": region.parameter_groups[name]})


def describe_cache_parameter_groups(self: Any) -> ActionResult:
    """Answer DescribeCacheParameterGroups."""
    parameters, region = _parameters(self), _clusters_of(self)
    name = parameters.get("CacheParameterGroupName")
    if name and name not in region.parameter_groups:
        raise ElastiCacheException("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {name}")
    return ActionResult(
        {
            "CacheParameterGroups": [
                group for key, group in sorted(region.parameter_groups.items()) if name in (None, key)
            ]
        }
    )


def delete_cache_parameter_group(self: Any) -> ActionResult:
    """Answer DeleteCacheParameterGroup."""
    region, name = _clusters_of(self), _parameters(self)["CacheParameterGroupName"]
    if name not in region.parameter_groups:
        raise ElastiCacheException("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {name}")
    if any(cluster.parameter_group == name for cluster in region.clusters.values()):
        raise ElastiCacheException(
            "InvalidCacheParameterGroupState",
            f"One or more cache clusters are still members of this parameter group {name}.",
        )
    del region.parameter_groups[name]
    return EmptyResult()
