"""Clusters, nodes and plans as rows, with the same names on the command line, in the API and in the console."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from windlass.memcached.model import Cluster, NodeStats, Quota
from windlass.memcached.plan import ClusterPlan, KeyMovement, ScaleStep
from windlass.memcached.ring import Server, ketama, shares
from windlass.memcached.service import NodeReport

__all__ = ["cluster_row", "cluster_value", "node_rows", "nodes_value", "plan_value", "quota_value", "stats_row"]


def cluster_row(cluster: Cluster, quota: Quota | None) -> dict[str, Any]:
    """Return a cluster as a row, with its number of nodes and the quota in force."""
    return {
        "name": cluster.name,
        "account_id": cluster.account_id,
        "region": cluster.region,
        "status": cluster.status,
        "nodes": len(cluster.ids) or cluster.count,
        "quota": quota.per_cluster if quota else None,
        "quota_source": quota.source if quota else "unknown",
        "region_nodes": quota.in_use if quota else None,
        "region_quota": quota.per_region if quota else None,
        "node_type": cluster.node_type,
        "version": cluster.version,
        "zones": dict(sorted(cluster.zones.items())),
        "endpoint": f"{cluster.host}:{cluster.port}" if cluster.host else "",
        "pending": _pending(cluster),
        "window": cluster.window,
        "arn": cluster.arn,
        "created_at": cluster.created_at,
    }


def cluster_value(cluster: Cluster, quota: Quota) -> dict[str, Any]:
    """Return one cluster with its quotas and nodes."""
    return cluster_row(cluster, quota) | {
        "parameter_group": cluster.parameter_group,
        "subnet_group": cluster.subnet_group,
        "security_groups": list(cluster.security_groups),
        "tls": cluster.tls,
        "quotas": quota_value(quota),
        "members": node_rows(cluster),
    }


def quota_value(quota: Quota) -> dict[str, Any]:
    """Return the quotas of an account and region."""
    return asdict(quota)


def node_rows(cluster: Cluster) -> list[dict[str, Any]]:
    """Return a cluster's nodes, each with its share of keys on the ketama ring."""
    servers = [node.server for node in cluster.nodes if node.server and node.is_staying]
    parts: dict[Server, float] = shares(ketama(servers)) if servers else {}
    return [
        {
            "node_id": node.node_id,
            "status": node.status,
            "zone": node.zone,
            "endpoint": f"{node.host}:{node.port}" if node.host else "",
            "created_at": node.created_at,
            "key_share": round(parts.get(node.server, 0.0), 6) if node.server else None,
        }
        for node in cluster.nodes
    ]


def stats_row(stats: NodeStats) -> dict[str, Any]:
    """Return a node's counters."""
    rate = stats.hit_rate
    return asdict(stats) | {
        "endpoint": f"{stats.host}:{stats.port}",
        "hit_rate": None if rate is None else round(rate, 6),
    }


def nodes_value(nodes: NodeReport) -> dict[str, Any]:
    """Return the configuration from auto-discovery and the counters of the nodes."""
    gets, hits = sum(node.gets for node in nodes.stats), sum(node.hits for node in nodes.stats)
    return {
        "name": nodes.cluster.name,
        "config_version": nodes.config_version,
        "hit_rate": round(hits / gets, 6) if gets else None,
        "gets": gets,
        "evictions": sum(node.evictions for node in nodes.stats),
        "items": sum(node.items for node in nodes.stats),
        "used_bytes": sum(node.used_bytes for node in nodes.stats),
        "limit_bytes": sum(node.limit_bytes for node in nodes.stats),
        "connections": sum(node.connections for node in nodes.stats),
        "nodes": [stats_row(node) for node in nodes.stats],
    }


def plan_value(plan: ClusterPlan) -> dict[str, Any]:
    """Return a plan as a document."""
    cost = None
    if plan.price is not None:
        before, after = plan.price.monthly(plan.before), plan.price.monthly(plan.after)
        cost = {
            "before_usd": round(before, 2),
            "after_usd": round(after, 2),
            "change_usd": round(after - before, 2),
            "per": "month",
            "source": plan.price.source,
            "exact": plan.price.exact,
        }
    return {
        "action": str(plan.action),
        "account_id": plan.account_id,
        "region": plan.region,
        "name": plan.name,
        "node_type": plan.node_type,
        "before": plan.before,
        "after": plan.after,
        "apply": str(plan.apply),
        "pause_s": plan.pause_s,
        "steps": [_step(plan, step) for step in plan.steps],
        "moved": _moved(plan.moved),
        "worst_step": _moved(plan.worst),
        "zones_before": dict(sorted(plan.zones_before.items())),
        "zones_after": dict(sorted(plan.zones_after.items())),
        "traffic": asdict(plan.traffic) if plan.traffic else None,
        "cost": cost,
        "quota": quota_value(plan.quota) if plan.quota else None,
        "replaces": plan.replaces,
        "warnings": list(plan.warnings),
        "refusal": {"message": plan.refusal.message, "hint": plan.refusal.hint, "code": plan.refusal.code}
        if plan.refusal
        else None,
    }


def _step(plan: ClusterPlan, step: ScaleStep) -> dict[str, Any]:
    return {
        "before": step.before,
        "to": step.to,
        "add": list(step.add),
        "zones": list(step.zones),
        "remove": list(step.remove),
        "moved": _moved(step.moved),
        "hit_rate_after": {
            "ketama": plan.hit_rate_after(step.moved.ketama),
            "modulo": plan.hit_rate_after(step.moved.modulo),
        },
    }


def _moved(movement: KeyMovement) -> dict[str, float]:
    return {
        "ketama": round(movement.ketama, 6),
        "modulo": round(movement.modulo, 6),
        "ketama_spread": round(movement.ketama_spread, 6),
    }


def _pending(cluster: Cluster) -> dict[str, Any]:
    pending = cluster.pending
    changes: dict[str, Any] = {"nodes": pending.count} if pending.count else {}
    if pending.remove:
        changes["remove"] = list(pending.remove)
    return changes | ({"version": pending.version} if pending.version else {})
