"""The check of a planned number of nodes against the quotas. Pure."""

from __future__ import annotations

from windlass.core.errors import Conflict
from windlass.memcached.model import Quota

__all__ = ["PER_CLUSTER", "PER_REGION", "refusal", "warnings"]

PER_CLUSTER = "L-8C334AD1"
"""The Service Quotas code of "Nodes per cluster (Memcached)"."""
PER_REGION = "L-DFE45DF3"
"""The Service Quotas code of "Nodes per Region"."""


def refusal(quota: Quota, *, target: int, present: int, region: str) -> Conflict | None:
    """Return why `target` nodes exceed a quota; None when they do not, or when the cluster does not grow."""
    if target <= present:
        return None
    if quota.per_cluster is not None and target > quota.per_cluster and quota.source == "applied":
        return Conflict(
            f"{target} nodes exceed the quota of {quota.per_cluster} nodes per Memcached cluster in {region}",
            hint=_increase_hint(PER_CLUSTER, target, region),
            code="NodeQuotaForClusterExceeded",
        )
    total = quota.in_use - present + target
    if quota.per_region is not None and total > quota.per_region and quota.source == "applied":
        return Conflict(
            f"{target} nodes would make {total} ElastiCache nodes in {region}, which exceeds the quota of {quota.per_region}",
            hint=_increase_hint(PER_REGION, total, region),
            code="NodeQuotaForCustomerExceeded",
        )
    return None


def warnings(quota: Quota, *, target: int, present: int, advised: int) -> tuple[str, ...]:
    """Return the warnings about the number of nodes."""
    warnings = []
    if target > advised and target > present:
        warnings.append(f"ElastiCache advises against more than {advised} nodes in one cluster; use several clusters")
    if quota.source == "unknown" and target > present:
        warnings.append(f"the quotas could not be read ({quota.problem}); AWS refuses the change if it exceeds them")
    over = quota.per_cluster is not None and target > quota.per_cluster and target > present
    if quota.source == "default" and over:
        warnings.append(
            f"more than AWS's default of {quota.per_cluster} nodes per cluster; the applied quota is unknown ({quota.problem})"
        )
    return tuple(warnings)


def _increase_hint(code: str, value: int, region: str) -> str:
    return (
        f"Request an increase: aws service-quotas request-service-quota-increase --service-code elasticache --quota-code {code} "
        f"--desired-value {value} --region {region}"
    )
