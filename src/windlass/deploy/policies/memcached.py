"""The policy of Memcached: clusters are read in every region; an operator changes them."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import estate
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.settings import Settings

__all__ = ["statements"]

_CHANGES = (
    "elasticache:ModifyCacheCluster",
    "elasticache:CreateCacheCluster",
    "elasticache:DeleteCacheCluster",
    "elasticache:AddTagsToResource",
)


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:
    """Return the permissions to read and plan; for an operator, also those to change."""
    clusters = facts.arn("elasticache", "cluster:*", region="*")
    grants = [
        *estate(settings, facts),
        Statement("SeeClusters", ("elasticache:DescribeCacheClusters",), (clusters,), "read clusters and their nodes"),
        Statement(
            "SeeQuotas",
            ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"),
            ("*",),
            "read the quotas that limit a plan",
        ),
        Statement(
            "SeeTraffic",
            ("cloudwatch:GetMetricData",),
            ("*",),
            "read the hit rate that a change affects; the action has no resource",
        ),
    ]
    if use is PolicyIdentity.OPERATOR:
        others = tuple(
            facts.arn("elasticache", kind, region="*")
            for kind in ("parametergroup:*", "subnetgroup:*", "securitygroup:*")
        )
        grants.append(
            Statement(
                "ChangeClusters", _CHANGES, (clusters, *others), "`windlass memcached create`, `scale` and `delete`"
            )
        )
    return grants
