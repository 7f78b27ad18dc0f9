"""S3 buckets requested in the wrong region: recognising S3's redirect, and remembering the right region.

The rules are botocore's (botocore.utils.S3RegionRedirectorv2); "Amazon S3 API Reference", Error responses, PermanentRedirect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["RedirectedBuckets", "named_region", "names_other_region"]

_REDIRECT_STATUS = frozenset({301, 302, 307})
_MAX_BUCKETS = 100_000
_REGION = re.compile(r"[a-z0-9-]{1,40}")


class RedirectedBuckets:
    """The regions of buckets that were once requested in the wrong region."""

    def __init__(self) -> None:
        self._regions: dict[str, str] = {}

    def region(self, bucket: str, default: str) -> str:
        """Return the bucket's region; `default` when no redirect is known."""
        return self._regions.get(bucket, default)

    def learn(self, bucket: str, region: str) -> None:
        """Record a bucket's region."""
        if len(self._regions) >= _MAX_BUCKETS:
            self._regions.clear()
        self._regions[bucket] = region


def names_other_region(operation: str, response: Mapping[str, Any]) -> bool:
    """Return whether an error (botocore's parsed response) says that the bucket is in another region."""
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, has_header = error.get("Code"), "x-amz-bucket-region" in metadata.get("HTTPHeaders", {})
    return (
        metadata.get("HTTPStatusCode") in _REDIRECT_STATUS
        or code == "PermanentRedirect"
        or (code == "AuthorizationHeaderMalformed" and "Region" in error)
        or (code == "IllegalLocationConstraintException" and operation != "CreateBucket")
        # A HEAD signed for the wrong region is a 400 without a document.
        or (code in ("301", "400") and (operation == "HeadObject" or (operation == "HeadBucket" and has_header)))
    )


def named_region(response: Mapping[str, Any]) -> str:
    """Return the region that a response names, in its header or its error document; empty for none."""
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = str(headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region") or "")
    # The region becomes part of a host name that receives signed requests, so its form is checked.
    return region if _REGION.fullmatch(region) else ""
