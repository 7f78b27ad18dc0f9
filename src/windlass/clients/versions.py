"""Versions as tuples of numbers, and as one BIGINT for SQL in the same order.

The usual packing (major·10^7 + minor·10^4 + patch) ranks `aws-sdk-nodejs/2.1586.0` above 3.0.0, because a
part above 9,999 overflows. Here each part has six digits; larger parts are reduced to 999,999.
"""

from __future__ import annotations

import re

__all__ = ["PART_MAX", "SERVICE", "Version", "pack", "parse_version"]

Version = tuple[int, int, int]
"""Major, minor, patch. A fourth part (.NET) is ignored: it is 0 in every boundary."""

PART_MAX = 999_999
SERVICE = "(?:(?:[A-Za-uw-z][A-Za-z0-9_-]*|[vV][A-Za-z_-][A-Za-z0-9_-]*)/)"
"""A service before the version, as early Go v2 clients wrote it (`rds/1.11.0`); `v1.2/3` is a version."""
_NUMBERS = re.compile(SERVICE + r"?[vV]?([0-9]{1,18})(?:\.([0-9]{1,18}))?(?:\.([0-9]{1,18}))?")


def parse_version(text: str) -> Version | None:
    """Return the leading numbers of `1.11.301`, `v12.18.2`, `2.0.0dev3`, `1.8.0_412`, `rds/1.11.0`; None without any."""
    numbers = _NUMBERS.match(text)
    if numbers is None:
        return None
    major, minor, patch = (min(int(part or 0), PART_MAX) for part in numbers.groups())
    return major, minor, patch


def pack(version: Version) -> int:
    """Return the version as one number: major·10^12 + minor·10^6 + patch, below 10^18, in the order of the tuples."""
    major, minor, patch = version
    return major * 10**12 + minor * 10**6 + patch
