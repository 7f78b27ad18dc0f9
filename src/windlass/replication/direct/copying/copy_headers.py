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
    head: Head, tags: Sequence[tuple[str, str]] = (), *, classes: Collection[str] = (), whole: bool = False
) -> dict[str, str]:
    """Return the headers of a put or of CreateMultipartUpload. `whole`: checksums of the full content apply to the
    copy, too.
    """
    found = head.headers
    made = {name: value for name, value in found.items() if name in _KEPT or name.startswith("x-amz-meta-")}
    # aws-chunked is the encoding of the upload, not of the content. Some services store it.
    encodings = [one.strip() for one in found.get("content-encoding", "").split(",")]
    if kept := ",".join(one for one in encodings if one not in ("", "aws-chunked")):
        made["content-encoding"] = kept
    if (storage := found.get("x-amz-storage-class", "")) in classes:
        made["x-amz-storage-class"] = storage
    if tags:
        made["x-amz-tagging"] = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in tags)
    if whole and found.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT":
        # The destination compares the checksum with the received content, and stores it.
        sums = {name: found[name] for name in _SUMS if name in found and "-" not in found[name]}
        made |= dict(list(sums.items())[:1])  # S3 accepts one checksum
    return made
