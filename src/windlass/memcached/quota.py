"""What the quotas say of a wanted number of nodes, before AWS is asked to do it. Pure."""

from __future__ import annotations

from windlass.core.errors import Conflict
from windlass.memcached.model import Quota

__all__ = ["PER_CLUSTER", "PER_REGION", "refusal", "warnings"]

PER_CLUSTER = "L-8C334AD1"
"""Service Quotas' code of "Nodes per cluster (Memcached)"."""
PER_REGION = "L-DFE45DF3"
"""Service Quotas' code of "Nodes per Region"."""


def refusal(quota: Quota, *, wanted: int, present: int, region: str) -> Conflict | None:
    """Why `wanted` nodes instead of `present` ones can't be had; None when they can, or when nothing grows."""
    if wanted <= present:
        return None
    if quota.per_cluster is not None and wanted > quota.per_cluster and quota.source == "applied":
        return Conflict(
            f"{wanted} nodes are over the quota of {quota.per_cluster} nodes per Memcached cluster in {region}",
            hint=_raise_it(PER_CLUSTER, wanted, region),
            code="NodeQuotaForClusterExceeded",
        )
    total = quota.in_use - present + wanted
    if quota.per_region is not None and total > quota.per_region and quota.source == "applied":
        return Conflict(
            f"{wanted} nodes would make {total} ElastiCache nodes in {region}, over the quota of {quota.per_region}",
            hint=_raise_it(PER_REGION, total, region),
            code="NodeQuotaForCustomerExceeded",
        )
    return None


def warnings(quota: Quota, *, wanted: int, present: int, advised: int) -> tuple[str, ...]:
    """What somebody should know before they go on."""
    found = []
    if wanted > advised and wanted > present:
        found.append(
            f"more than {advised} nodes in one cluster: ElastiCache advises against it; several clusters scale further"
        )
    if quota.source == "unknown" and wanted > present:
        found.append(f"the quotas could not be read ({quota.problem}); AWS will refuse what is over them")
    over = quota.per_cluster is not None and wanted > quota.per_cluster and wanted > present
    if quota.source == "default" and over:
        found.append(
            f"over AWS's default of {quota.per_cluster} nodes per cluster, and the applied quota could not be read ({quota.problem})"
        )
    return tuple(found)


def _raise_it(code: str, value: int, region: str) -> str:
    return (
        f"Ask for more: aws service-quotas request-service-quota-increase --service-code elasticache --quota-code {code} "
        f"--desired-value {value} --region {region}"
    )
