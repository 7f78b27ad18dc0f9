"""Checks of requests about Memcached clusters: names, counts, zones, versions. Pure.

Sources: the API reference of CreateCacheCluster and ModifyCacheCluster; where a message is known from the field (public
issue threads), it is that one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

from windlass_local.elasticache.errors import CacheError, combination, value

__all__ = [
    "DEFAULT_VERSION",
    "VERSIONS",
    "check_name",
    "check_node_type",
    "check_quota",
    "check_removal",
    "check_version",
    "default_parameter_group",
    "place",
    "speaks_config",
]

VERSIONS = ("1.4.5", "1.4.14", "1.4.24", "1.4.33", "1.4.34", "1.5.10", "1.5.16", "1.6.6", "1.6.12", "1.6.17", "1.6.22")
DEFAULT_VERSION = VERSIONS[-1]

_NAME = re.compile(r"^[a-z](?:-?[a-z0-9])*$")
_NODE_TYPE = re.compile(r"^cache\.[a-z]\w*\.\w+$")
_ZONE = re.compile(r"^(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)[a-f]$")
_LONGEST = 50


def check_name(name: str) -> str:
    """Return the name in lower case, as it is stored. CacheError."""
    lower = name.lower()
    if len(lower) > _LONGEST or not _NAME.match(lower):
        raise value(
            "The parameter CacheClusterIdentifier is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )
    return lower


def check_node_type(node_type: str | None) -> str:
    """Return the node type, which has no default. CacheError."""
    if not node_type:
        raise value("The parameter CacheNodeType must be provided and must not be null.")
    if not _NODE_TYPE.match(node_type):
        raise value(f"Invalid Cache Node Type: {node_type}.")
    return node_type


def check_version(version: str | None, *, now: str = "") -> str:
    """Return the engine version, never lower than `now`. CacheError."""
    chosen = version or now or DEFAULT_VERSION
    if chosen not in VERSIONS:
        raise value(f"Cannot find version {chosen} for memcached")
    if now and VERSIONS.index(chosen) < VERSIONS.index(now):
        raise combination(f"Cannot downgrade memcached from {now} to {chosen}.")
    return chosen


def default_parameter_group(version: str) -> str:
    """Return `default.memcached1.6` for 1.6.22."""
    return "default.memcached" + ".".join(version.split(".")[:2])


def speaks_config(version: str) -> bool:
    """True when the engine knows `config get cluster` (1.4.14 and later)."""
    return tuple(map(int, version.split("."))) >= (1, 4, 14)


def check_quota(nodes: int, *, per_cluster: int, elsewhere: int, per_region: int) -> None:
    """Refuse `nodes` in one cluster, with `elsewhere` nodes in the region's other clusters."""
    if nodes > per_cluster:
        raise CacheError(
            "NodeQuotaForClusterExceeded",
            "The request cannot be processed because it would exceed the allowed number of cache nodes in a single cluster "
            f"({per_cluster}).",
        )
    if nodes + elsewhere > per_region:
        raise CacheError(
            "NodeQuotaForCustomerExceeded",
            f"The request cannot be processed because it would exceed the allowed number of cache nodes per customer ({per_region}).",
        )


def check_removal(present: Sequence[str], nodes: int, remove: Sequence[str]) -> tuple[str, ...]:
    """Return the ids to remove: existing, distinct, and as many as requested. CacheError."""
    if len(remove) != len(present) - nodes:
        raise combination(
            "The number of CacheNodeIdsToRemove must match the number of nodes you are trying to remove, current number of "
            f"cache nodes is {len(present)}, requested number of cache nodes is {nodes} and CacheNodeIdsToRemove supplied are "
            f"{len(remove)}"
        )
    unknown = sorted(set(remove) - set(present))
    if unknown or len(set(remove)) != len(remove):
        raise value(f"CacheNodeIdsToRemove is not valid: {', '.join(unknown or remove)}")
    return tuple(remove)


def place(
    count: int, *, mode: str | None, zones: Sequence[str], offered: Sequence[str], present: Mapping[str, int]
) -> tuple[str, ...]:
    """Return the zones of `count` new nodes beside `present` ones (nodes by zone): as requested, or chosen by the service."""
    if zones and len(zones) != count:
        raise combination(
            f"The number of Availability Zones ({len(zones)}) must match the number of nodes to add ({count})."
        )
    for zone in zones:
        if zone not in offered:
            raise value(f"{zone} is not a valid availability zone.")
    spread = {*zones, *(zone for zone, nodes in present.items() if nodes)}
    if mode == "single-az" and len(spread) > 1:
        raise combination("single-az can't be specified with nodes in different Availability Zones.")
    if mode == "cross-az" and count + sum(present.values()) < 2:
        raise combination("cross-az needs more than one cache node.")
    if zones:
        return tuple(zones)
    if mode == "cross-az" or len(spread) > 1:
        fewest = sorted(offered, key=lambda zone: (present.get(zone, 0), zone))
        return tuple(islice(cycle(fewest), count))
    home = next(iter(spread), offered[0])
    return (home,) * count
