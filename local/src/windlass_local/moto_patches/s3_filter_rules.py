# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""Filter rules of bucket notifications may be written `Prefix` or `prefix`.

Upstream: _key_matches compares the rule's name with lower case letters only, so a rule named `Prefix` filters nothing.
AWS: the name is not case-sensitive; prefix and suffix must both match.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_FilterRule.html
Offered upstream: no.
"""

from __future__ import annotations

from typing import Any

from moto.s3 import models

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.s3.models.Notification._key_matches",)


def apply() -> None:
    """Replace the comparison."""

    def key_matches(notification: Any, key_name: str) -> bool:
        rules = (notification.filters.get("S3Key") or {}).get("FilterRule") or []
        requested = {rule["Name"].lower(): rule["Value"] or "" for rule in rules}
        return key_name.startswith(requested.get("prefix", "")) and key_name.endswith(requested.get("suffix", ""))

    models.Notification._key_matches = key_matches
