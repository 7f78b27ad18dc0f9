"""The regions that each partition enables for every account; an account must enable all others.

Source: AWS Account Management Reference Guide, "Enable or disable AWS Regions in your account".
"""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.arns import partition_of

__all__ = ["DEFAULT_REGIONS", "needs_opt_in"]

DEFAULT_REGIONS: Mapping[str, tuple[str, ...]] = {
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
"""By partition, in order of name."""


def needs_opt_in(region: str) -> bool:
    """Return whether an account must enable `region` before using it."""
    return region not in DEFAULT_REGIONS.get(partition_of(region), ())
