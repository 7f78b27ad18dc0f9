"""Headers of a copy from one service to another, made from the source's head and tags. Pure.

Attributes of the service are not copied: encryption, locks and ACLs, and storage classes unless `[[service]]` names
them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import quote

from windlass.wire.s3 import Head

__all__ = ["carried"]

_KEPT = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-language",
        "content-type",
        "expires",
        "x-amz-website-redirect-location",
    }
)
_SUMS = ("x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-sha1", "x-amz-checksum-sha256")


def carried(
    head: Head, tags: Sequence[tuple[str, str]] = (), *, classes: Collection[str] = (), full_content: bool = False
) -> dict[str, str]:
    """Return the headers of a put or of CreateMultipartUpload. `full_content`: checksums of the full content apply to the
    copy, too.
    """
    source = head.headers
    headers = {name: value for name, value in source.items() if name in _KEPT or name.startswith("x-amz-meta-")}
    # aws-chunked is the encoding of the upload, not of the content. Some services store it.
    encodings = [encoding.strip() for encoding in source.get("content-encoding", "").split(",")]
    if kept := ",".join(encoding for encoding in encodings if encoding not in ("", "aws-chunked")):
        headers["content-encoding"] = kept
    if (storage := source.get("x-amz-storage-class", "")) in classes:
        headers["x-amz-storage-class"] = storage
    if tags:
        headers["x-amz-tagging"] = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in tags)
    if full_content and source.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT":
        # The destination compares the checksum with the received content, and stores it.
        sums = {name: source[name] for name in _SUMS if name in source and "-" not in source[name]}
        headers |= dict(list(sums.items())[:1])  # S3 accepts one checksum
    return headers
