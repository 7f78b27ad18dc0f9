"""Amazon Resource Names as values (AWS General Reference: "Amazon Resource Names (ARNs)")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

__all__ = ["AccountId", "Arn", "Region", "dns_suffix", "format_arn", "parse_arn", "partition_of", "via_service"]

AccountId = NewType("AccountId", str)
"""Twelve digits."""
Region = NewType("Region", str)
"""`eu-west-1`; `aws-global` stands for services without regions."""

GLOBAL_REGION = Region("aws-global")

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

_DNS_SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:partition:service:region:account:resource`; region and account are empty when a service has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def resource_type(self) -> str:
        """Return `instance` for `instance/i-1` or `instance:i-1`; empty for a bare name such as a bucket's."""
        for at, char in enumerate(self.resource):
            if char in "/:":
                return self.resource[:at]
        return ""

    @property
    def resource_id(self) -> str:
        """Return what follows the resource type: `i-1` for `instance/i-1`."""
        kind = self.resource_type
        return self.resource[len(kind) + 1 :] if kind else self.resource


def parse_arn(text: str) -> Arn | None:
    """Parse an ARN; return None when `text` is not one. Resources keep their colons and slashes."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        return None
    return Arn(*parts[1:])


def partition_of(region: str) -> str:
    """Return a region's partition: `aws`, `aws-us-gov`, `aws-cn` …"""
    return next((partition for prefix, partition in _PARTITIONS if region.startswith(prefix)), "aws")


def dns_suffix(region: str) -> str:
    """Return the DNS suffix of the region's partition: `amazonaws.com`, `amazonaws.com.cn` …"""
    return _DNS_SUFFIXES.get(partition_of(region), "amazonaws.com")


def via_service(service: str, region: str, *, in_regions: str = "") -> list[str]:
    """Return the values of `kms:ViaService` for a service in `in_regions` (a pattern; `region` when empty).

    The KMS guide documents `SERVICE.REGION.amazonaws.com` and no other suffix. Partitions whose services have their own
    names (China, the ISO partitions, the European Sovereign Cloud) therefore get both names: only KMS sets this key, so that a
    name it never sets grants nothing. Source: AWS KMS guide, "kms:ViaService".
    """
    suffixes = dict.fromkeys(("amazonaws.com", dns_suffix(region)))
    return [f"{service}.{in_regions or region}.{suffix}" for suffix in suffixes]


def format_arn(service: str, region: str, account: str, resource: str, *, partition: str = "") -> str:
    """Format an ARN; the partition is the region's unless given."""
    return str(Arn(partition or partition_of(region), service, region, account, resource))
