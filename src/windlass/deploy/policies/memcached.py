"""Memcached clusters: seen in every region; an operator changes them."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import estate
from windlass.deploy.policy import Facts, Statement, Use
from windlass.settings import Settings

__all__ = ["statements"]

_CHANGES = (
    "elasticache:ModifyCacheCluster",
    "elasticache:CreateCacheCluster",
    "elasticache:DeleteCacheCluster",
    "elasticache:AddTagsToResource",
)


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:
    """Looking and planning for a worker; changing for an operator, too."""
    clusters = facts.arn("elasticache", "cluster:*", region="*")
    found = [
        *estate(settings, facts),
        Statement("SeeClusters", ("elasticache:DescribeCacheClusters",), (clusters,), "clusters and their nodes"),
        Statement(
            "SeeQuotas",
            ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"),
            ("*",),
            "the changes that a plan may contain",
        ),
        Statement(
            "SeeTraffic",
            ("cloudwatch:GetMetricData",),
            ("*",),
            "what a change costs the hit rate; it takes no resource",
        ),
    ]
    if use is Use.OPERATOR:
        others = tuple(
            facts.arn("elasticache", kind, region="*")
            for kind in ("parametergroup:*", "subnetgroup:*", "securitygroup:*")
        )
        found.append(
            Statement("ChangeClusters", _CHANGES, (clusters, *others), "`windlass memcached scale` and replace")
        )
    return found
