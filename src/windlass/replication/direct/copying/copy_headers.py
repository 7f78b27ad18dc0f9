"""What goes along with an object from one service to another: pure, from its head and tags to the headers of its copy.

What belongs to the service stays there: encryption, locks, ACLs, and storage classes unless `[[service]]` names them.
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
    """Headers for a put, or for the beginning of an upload in parts. `whole`: checksums of the whole content hold for it, too."""
    found = head.headers
    made = {name: value for name, value in found.items() if name in _KEPT or name.startswith("x-amz-meta-")}
    # aws-chunked is how a body was sent, not what it is; some services keep it.
    encodings = [one.strip() for one in found.get("content-encoding", "").split(",")]
    if kept := ",".join(one for one in encodings if one not in ("", "aws-chunked")):
        made["content-encoding"] = kept
    if (storage := found.get("x-amz-storage-class", "")) in classes:
        made["x-amz-storage-class"] = storage
    if tags:
        made["x-amz-tagging"] = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in tags)
    if whole and found.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT":
        # The destination compares it with what arrives, and keeps it.
        sums = {name: found[name] for name in _SUMS if name in found and "-" not in found[name]}
        made |= dict(list(sums.items())[:1])  # S3 takes one
    return made
