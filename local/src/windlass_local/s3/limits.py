"""Sizes that S3 refuses. Tests lower them, so that no machine needs a 5 GiB object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from windlass_local.request import Response
from windlass_local.s3.responses import refuse

__all__ = ["LIMITS", "METADATA_BYTES", "Limits", "metadata_refused", "too_large"]

METADATA_BYTES = 2048
"""The size of user metadata: names without their prefix, and values, together."""
_PREFIX = "x-amz-meta-"


@dataclass(slots=True)
class Limits:
    """In bytes. `copy_bytes` is for one CopyObject, one part of UploadPartCopy and one task of a copy job."""

    copy_bytes: int = 5 * 1024**3


LIMITS = Limits()
"""The limits of this process, as moto's state is."""


def too_large(size_bytes: int) -> Response | None:
    """Return the refusal of a copy of that many bytes; None when it is allowed."""
    if size_bytes <= LIMITS.copy_bytes:
        return None
    message = (
        f"The specified copy source is larger than the maximum allowable size for a copy source: {LIMITS.copy_bytes}"
    )
    return refuse(400, "InvalidRequest", message)


def metadata_refused(headers: Mapping[str, str]) -> Response | None:
    """Return the refusal of a write whose user metadata is too large; None when it is allowed.

    Source: AWS docs, "Working with object metadata". A copy that keeps its source's metadata stores none of its own.
    """
    if "x-amz-copy-source" in headers and headers.get("x-amz-metadata-directive", "").upper() != "REPLACE":
        return None
    size = sum(
        len(name) - len(_PREFIX) + len(value.encode("latin-1", "replace"))
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    )
    if size <= METADATA_BYTES:
        return None
    message = "Your metadata headers exceed the maximum allowed metadata size"
    details = {"Size": str(size), "MaxSizeAllowed": str(METADATA_BYTES)}
    return refuse(400, "MetadataTooLarge", message, details=details)
