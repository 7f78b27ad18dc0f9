"""Partitions of regions, and the regions that every account has without enabling them.

Source: AWS Account Management Reference Guide, "Enable or disable AWS Regions in your account".
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["needs_opt_in", "partition_of"]

# Prefixes are longest first: `us-isob-` must not be read as `us-iso-`.
_PARTITIONS = (
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-iso-", "aws-iso"),
    ("eusc-", "aws-eusc"),
    ("cn-", "aws-cn"),
)

_DEFAULT_REGIONS: Mapping[str, tuple[str, ...]] = {
    "aws": (
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    ),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-east-1", "us-gov-west-1"),
    "aws-iso": ("us-iso-east-1", "us-iso-west-1"),
    "aws-iso-b": ("us-isob-east-1", "us-isob-west-1"),
    "aws-iso-e": ("eu-isoe-west-1",),
    "aws-iso-f": ("us-isof-east-1", "us-isof-south-1"),
    "aws-eusc": ("eusc-de-east-1",),
}


def partition_of(region: str) -> str:
    """Return the partition of a region: `aws`, `aws-us-gov`, `aws-cn` …"""
    return next((partition for prefix, partition in _PARTITIONS if region.startswith(prefix)), "aws")


def needs_opt_in(region: str) -> bool:
    """True when an account must enable `region` before it can use it."""
    return region not in _DEFAULT_REGIONS.get(partition_of(region), ())
