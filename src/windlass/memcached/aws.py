"""AWS's answers as our model, and our changes as AWS's calls. Every call goes through the estate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from windlass.core.errors import AccessDenied, NotFound, WindlassError
from windlass.estate.service import Estate
from windlass.memcached.model import Apply, Cluster, Node, Pending, Quota, Traffic
from windlass.memcached.quota import PER_CLUSTER, PER_REGION

__all__ = [
    "change_params",
    "create_cluster",
    "delete_cluster",
    "get_cluster",
    "list_clusters",
    "modify",
    "quota_in",
    "read_cluster",
    "recent_traffic",
]

_HOUR_S = 3600
_PERIOD_S = 300
_QUERIES = 500  # GetMetricData's most


def list_clusters(estate: Estate, account_id: str, region: str) -> tuple[tuple[Cluster, ...], int]:
    """The Memcached clusters of an account and region, and how many ElastiCache nodes there are of every engine."""
    clusters, nodes = [], 0
    for page in estate.pages(account_id, region, "elasticache", "DescribeCacheClusters", ShowCacheNodeInfo=True):
        for found in page.get("CacheClusters", []):
            nodes += int(found.get("NumCacheNodes") or 1)
            if found.get("Engine") == "memcached":
                clusters.append(read_cluster(found, account_id, region))
    return tuple(clusters), nodes


def get_cluster(estate: Estate, account_id: str, region: str, name: str) -> Cluster | None:
    """The cluster of that name; None when there is none, or it is of another engine."""
    try:
        answer = estate.call(
            account_id, region, "elasticache", "DescribeCacheClusters", CacheClusterId=name, ShowCacheNodeInfo=True
        )
    except NotFound:
        return None
    found = [one for one in answer.get("CacheClusters", []) if one.get("Engine") == "memcached"]
    return read_cluster(found[0], account_id, region) if found else None


def read_cluster(found: Mapping[str, Any], account_id: str, region: str) -> Cluster:
    """A CacheCluster of the API as ours."""
    endpoint = found.get("ConfigurationEndpoint") or {}
    pending = found.get("PendingModifiedValues") or {}
    nodes = sorted((_node(one) for one in found.get("CacheNodes") or []), key=lambda node: node.node_id)
    return Cluster(
        account_id=account_id,
        region=region,
        name=found["CacheClusterId"],
        arn=found.get("ARN", ""),
        status=found.get("CacheClusterStatus", ""),
        node_type=found.get("CacheNodeType", ""),
        version=found.get("EngineVersion", ""),
        count=int(found.get("NumCacheNodes") or 0),
        nodes=tuple(nodes),
        host=endpoint.get("Address", ""),
        port=int(endpoint.get("Port") or 0),
        tls=bool(found.get("TransitEncryptionEnabled")),
        parameter_group=(found.get("CacheParameterGroup") or {}).get("CacheParameterGroupName", ""),
        subnet_group=found.get("CacheSubnetGroupName", ""),
        security_groups=tuple(one["SecurityGroupId"] for one in found.get("SecurityGroups") or []),
        window=found.get("PreferredMaintenanceWindow", ""),
        created_at=found.get("CacheClusterCreateTime"),
        pending=Pending(
            count=int(pending.get("NumCacheNodes") or 0),
            remove=tuple(pending.get("CacheNodeIdsToRemove") or ()),
            version=pending.get("EngineVersion", ""),
        ),
    )


def quota_in(estate: Estate, account_id: str, region: str, *, in_use: int) -> Quota:
    """The quotas in force; where only AWS's defaults, or nothing, can be read, it says so instead of failing."""
    problem = ""
    for operation, source in (("GetServiceQuota", "applied"), ("GetAWSDefaultServiceQuota", "default")):
        try:
            values = [
                estate.call(account_id, region, "service-quotas", operation, ServiceCode="elasticache", QuotaCode=code)
                for code in (PER_CLUSTER, PER_REGION)
            ]
        except WindlassError as error:
            problem = problem or _brief(error)
            continue
        per_cluster, per_region = (int(one["Quota"]["Value"]) for one in values)
        return Quota(per_cluster=per_cluster, per_region=per_region, in_use=in_use, source=source, problem=problem)
    return Quota(per_cluster=None, per_region=None, in_use=in_use, source="unknown", problem=problem)


def change_params(name: str, *, to: int, remove: Sequence[str], zones: Sequence[str], apply: Apply) -> dict[str, Any]:
    """The parameters of ModifyCacheCluster for one step."""
    params: dict[str, Any] = {
        "CacheClusterId": name,
        "NumCacheNodes": to,
        "ApplyImmediately": apply is Apply.IMMEDIATELY,
    }
    if remove:
        params["CacheNodeIdsToRemove"] = list(remove)
    if zones:
        params |= {"NewAvailabilityZones": list(zones)}
        if len(set(zones)) > 1:
            params["AZMode"] = "cross-az"
    return params


def modify(estate: Estate, cluster: Cluster, params: Mapping[str, Any]) -> None:
    """Ask for a change."""
    estate.call(cluster.account_id, cluster.region, "elasticache", "ModifyCacheCluster", **params)


def create_cluster(estate: Estate, account_id: str, region: str, params: Mapping[str, Any]) -> None:
    """Ask for a new cluster."""
    estate.call(account_id, region, "elasticache", "CreateCacheCluster", Engine="memcached", **params)


def delete_cluster(estate: Estate, cluster: Cluster) -> None:
    """Ask for the end of a cluster."""
    estate.call(cluster.account_id, cluster.region, "elasticache", "DeleteCacheCluster", CacheClusterId=cluster.name)


def recent_traffic(estate: Estate, cluster: Cluster, *, now: datetime) -> Traffic | None:
    """The last hour as CloudWatch has it; None where it has nothing, or may not be asked."""
    queries = [
        _metric(f"{metric[3:].lower()}{node_id}", metric, cluster.name, node_id)
        for node_id in cluster.ids
        for metric in ("GetHits", "GetMisses")
    ]
    sums = {"hits": 0.0, "misses": 0.0}
    for query_id, value in _sums(estate, cluster, queries, now=now):
        sums["hits" if query_id.startswith("hits") else "misses"] += value
    total = sum(sums.values())
    return Traffic(sums["hits"] / total, total / _HOUR_S, "CloudWatch, last hour") if total else None


def _sums(
    estate: Estate, cluster: Cluster, queries: Sequence[Mapping[str, Any]], *, now: datetime
) -> Iterator[tuple[str, float]]:
    for at in range(0, len(queries), _QUERIES):
        try:
            pages = estate.pages(
                cluster.account_id,
                cluster.region,
                "cloudwatch",
                "GetMetricData",
                MetricDataQueries=list(queries[at : at + _QUERIES]),
                StartTime=now - timedelta(seconds=_HOUR_S),
                EndTime=now,
            )
            for page in pages:
                for one in page.get("MetricDataResults", []):
                    yield one["Id"], float(sum(one.get("Values") or ()))
        except WindlassError:  # no permission, no such operation: the plan says that the traffic is not known
            return


def _metric(query_id: str, metric: str, cluster: str, node_id: str) -> dict[str, Any]:
    dimensions = [{"Name": "CacheClusterId", "Value": cluster}, {"Name": "CacheNodeId", "Value": node_id}]
    named = {"Namespace": "AWS/ElastiCache", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": query_id, "MetricStat": {"Metric": named, "Period": _PERIOD_S, "Stat": "Sum"}}


def _node(found: Mapping[str, Any]) -> Node:
    endpoint = found.get("Endpoint") or {}
    return Node(
        node_id=found["CacheNodeId"],
        status=found.get("CacheNodeStatus", ""),
        zone=found.get("CustomerAvailabilityZone", ""),
        created_at=found.get("CacheNodeCreateTime"),
        host=endpoint.get("Address", ""),
        port=int(endpoint.get("Port") or 0),
    )


def _brief(error: WindlassError) -> str:
    return error.code or ("AccessDenied" if isinstance(error, AccessDenied) else error.message)
