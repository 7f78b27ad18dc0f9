"""AWS responses as values of model.py, and changes as AWS calls. Every call goes through the estate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from windlass.core.errors import AccessDenied, NotFound, WindlassError
from windlass.estate.service import Estate
from windlass.memcached.model import Apply, Cluster, Node, PendingChanges, Quota, Traffic
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
_MAX_QUERIES = 500  # of one GetMetricData call


def list_clusters(estate: Estate, account_id: str, region: str) -> tuple[tuple[Cluster, ...], int]:
    """Return the Memcached clusters of an account and region, and its number of ElastiCache nodes of all engines."""
    clusters, nodes = [], 0
    for page in estate.pages(account_id, region, "elasticache", "DescribeCacheClusters", ShowCacheNodeInfo=True):
        for response in page.get("CacheClusters", []):
            nodes += int(response.get("NumCacheNodes") or 1)
            if response.get("Engine") == "memcached":
                clusters.append(read_cluster(response, account_id, region))
    return tuple(clusters), nodes


def get_cluster(estate: Estate, account_id: str, region: str, name: str) -> Cluster | None:
    """Return the cluster of that name; None when it does not exist, or has another engine."""
    try:
        response = estate.call(
            account_id, region, "elasticache", "DescribeCacheClusters", CacheClusterId=name, ShowCacheNodeInfo=True
        )
    except NotFound:
        return None
    clusters = [cluster for cluster in response.get("CacheClusters", []) if cluster.get("Engine") == "memcached"]
    return read_cluster(clusters[0], account_id, region) if clusters else None


def read_cluster(response: Mapping[str, Any], account_id: str, region: str) -> Cluster:
    """Return a CacheCluster of the API as a Cluster."""
    endpoint = response.get("ConfigurationEndpoint") or {}
    pending = response.get("PendingModifiedValues") or {}
    nodes = sorted((_node(node) for node in response.get("CacheNodes") or []), key=lambda node: node.node_id)
    return Cluster(
        account_id=account_id,
        region=region,
        name=response["CacheClusterId"],
        arn=response.get("ARN", ""),
        status=response.get("CacheClusterStatus", ""),
        node_type=response.get("CacheNodeType", ""),
        version=response.get("EngineVersion", ""),
        count=int(response.get("NumCacheNodes") or 0),
        nodes=tuple(nodes),
        host=endpoint.get("Address", ""),
        port=int(endpoint.get("Port") or 0),
        tls=bool(response.get("TransitEncryptionEnabled")),
        parameter_group=(response.get("CacheParameterGroup") or {}).get("CacheParameterGroupName", ""),
        subnet_group=response.get("CacheSubnetGroupName", ""),
        security_groups=tuple(group["SecurityGroupId"] for group in response.get("SecurityGroups") or []),
        window=response.get("PreferredMaintenanceWindow", ""),
        created_at=response.get("CacheClusterCreateTime"),
        pending=PendingChanges(
            count=int(pending.get("NumCacheNodes") or 0),
            remove=tuple(pending.get("CacheNodeIdsToRemove") or ()),
            version=pending.get("EngineVersion", ""),
        ),
    )


def quota_in(estate: Estate, account_id: str, region: str, *, in_use: int) -> Quota:
    """Return the quotas in force. Never raises: `source` is not `applied` when only AWS's defaults, or none, could be read."""
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
        per_cluster, per_region = (int(value["Quota"]["Value"]) for value in values)
        return Quota(per_cluster=per_cluster, per_region=per_region, in_use=in_use, source=source, problem=problem)
    return Quota(per_cluster=None, per_region=None, in_use=in_use, source="unknown", problem=problem)


def change_params(name: str, *, to: int, remove: Sequence[str], zones: Sequence[str], apply: Apply) -> dict[str, Any]:
    """Return the parameters of ModifyCacheCluster for one step."""
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
    """Change a cluster. AWS makes the change after its response."""
    estate.call(cluster.account_id, cluster.region, "elasticache", "ModifyCacheCluster", **params)


def create_cluster(estate: Estate, account_id: str, region: str, params: Mapping[str, Any]) -> None:
    """Create a cluster. AWS creates it after its response."""
    estate.call(account_id, region, "elasticache", "CreateCacheCluster", Engine="memcached", **params)


def delete_cluster(estate: Estate, cluster: Cluster) -> None:
    """Delete a cluster. AWS deletes it after its response."""
    estate.call(cluster.account_id, cluster.region, "elasticache", "DeleteCacheCluster", CacheClusterId=cluster.name)


def recent_traffic(estate: Estate, cluster: Cluster, *, now: datetime) -> Traffic | None:
    """Return the traffic of the last hour from CloudWatch; None when it has no data or denies the call."""
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
    for start in range(0, len(queries), _MAX_QUERIES):
        try:
            pages = estate.pages(
                cluster.account_id,
                cluster.region,
                "cloudwatch",
                "GetMetricData",
                MetricDataQueries=list(queries[start : start + _MAX_QUERIES]),
                StartTime=now - timedelta(seconds=_HOUR_S),
                EndTime=now,
            )
            for page in pages:
                for result in page.get("MetricDataResults", []):
                    yield result["Id"], float(sum(result.get("Values") or ()))
        except WindlassError:  # no permission or no such operation: the plan reports the traffic as unknown
            return


def _metric(query_id: str, metric: str, cluster: str, node_id: str) -> dict[str, Any]:
    dimensions = [{"Name": "CacheClusterId", "Value": cluster}, {"Name": "CacheNodeId", "Value": node_id}]
    metric_id = {"Namespace": "AWS/ElastiCache", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": query_id, "MetricStat": {"Metric": metric_id, "Period": _PERIOD_S, "Stat": "Sum"}}


def _node(response: Mapping[str, Any]) -> Node:
    endpoint = response.get("Endpoint") or {}
    return Node(
        node_id=response["CacheNodeId"],
        status=response.get("CacheNodeStatus", ""),
        zone=response.get("CustomerAvailabilityZone", ""),
        created_at=response.get("CacheNodeCreateTime"),
        host=endpoint.get("Address", ""),
        port=int(endpoint.get("Port") or 0),
    )


def _brief(error: WindlassError) -> str:
    return error.code or ("AccessDenied" if isinstance(error, AccessDenied) else error.message)
