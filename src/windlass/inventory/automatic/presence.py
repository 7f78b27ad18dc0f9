"""Presence hints: the types that AWS Config has discovered in a region, so that their empty scopes are scanned at once.

A hint only adds scopes to a run. None is left out because Config does not know it: Config records only configured types.
Source: AWS Config API Reference, GetDiscoveredResourceCounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from windlass.core.errors import WindlassError
from windlass.core.pool import map_bounded
from windlass.inventory.model import GLOBAL, Scope
from windlass.inventory.ports import EstateCaller
from windlass.inventory.resource_type import ResourceType

__all__ = ["config_type_names", "present_types"]

_CONCURRENCY = 16
_PAGE = 100  # the most that one response holds
_SERVICES: Mapping[str, str] = {
    # Config's name of a service (the middle of AWS::Service::Type) where it is not that of our types
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elb",
    "elasticsearch": "es",
    "opensearchservice": "opensearch",
    "applicationautoscaling": "application-autoscaling",
    "certificatemanager": "acm",
    "acmpca": "acm-pca",
    "msk": "kafka",
    "kinesisfirehose": "firehose",
    "amazonmq": "mq",
    "cassandra": "keyspaces",
    "kinesisanalyticsv2": "kinesisanalyticsv2",
    "databasemigrationservice": "dms",
}


def present_types(
    caller: EstateCaller, kinds: Sequence[ResourceType], regions_by_account: Mapping[str, Sequence[str]]
) -> frozenset[Scope]:
    """Return the scopes in which Config has discovered resources. A region where Config is off or denied has none."""
    by_config_name = config_type_names(kinds)
    account_regions = [(account_id, region) for account_id, regions in regions_by_account.items() for region in regions]
    scopes: set[Scope] = set()
    for outcome in map_bounded(
        lambda account_region: _discovered(caller, *account_region),
        account_regions,
        limit=_CONCURRENCY,
        name="presence",
    ):
        account_id, region = outcome.item
        for name in outcome.result or ():
            kind = by_config_name.get(name.lower())
            if kind is not None:
                scopes.add(Scope(account_id, GLOBAL if kind.once_per_account else region, kind.name))
    return frozenset(scopes)


def config_type_names(kinds: Iterable[ResourceType]) -> dict[str, ResourceType]:
    """Return the types by the name that Config may have for them, in lower case: `aws::ec2::vpcendpoint` of `ec2.vpc-endpoint`."""
    services: dict[str, list[str]] = {}
    for config_name, service in _SERVICES.items():
        services.setdefault(service, []).append(config_name)
    names = {}
    for kind in kinds:
        service, _, noun = kind.name.partition(".")
        plain = noun.replace("-", "")
        for config_name in (service.replace("-", ""), *services.get(service, ())):
            names[f"aws::{config_name}::{plain}"] = kind
    return names


def _discovered(caller: EstateCaller, account_id: str, region: str) -> list[str]:
    """Return the types with at least one resource; none where Config is denied or off."""
    try:
        pages = caller.pages(account_id, region, "config", "GetDiscoveredResourceCounts", limit=_PAGE)
        return [
            entry["resourceType"] for page in pages for entry in page.get("resourceCounts", ()) if entry.get("count")
        ]
    except WindlassError:
        return []
