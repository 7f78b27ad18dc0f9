"""The comparison of two objects' HEADs, when their sizes are equal. Pure.

Full-object checksums always compare. ETags and checksums of parts compare only if both uploads have the same part
boundaries; ETags only if neither side uses SSE-KMS, SSE-C or a directory bucket (S3 API reference, "Object", ETag; S3
user guide, "Checking object integrity").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from windlass.replication.comparison import ContentVerdict
from windlass.wire.s3 import Head

__all__ = ["ASKED", "compare_heads", "has_evidence", "part_count", "sums_of"]

ASKED = {"x-amz-checksum-mode": "ENABLED"}
"""The header that makes S3 return checksums."""

_SUM = re.compile(r"x-amz-checksum-(?:crc32|crc32c|crc64nvme|sha1|sha256)")
_ETAG = re.compile(r"[0-9a-f]{32}(?:-(\d{1,5}))?")
_PLAIN_ENCRYPTION = ("", "AES256")
_CUSTOMER_KEY = "x-amz-server-side-encryption-customer-algorithm"


def compare_heads(here: Head, there: Head, *, digests: bool = True, same_layout: bool = False) -> ContentVerdict:
    """Compare two heads of equal size. `digests`: the ETags of both services are digests; `same_layout`: the parts are
    equally large.
    """
    if here.etag and here.etag == there.etag:
        return ContentVerdict.SAME
    if digests and _is_digest(here) and _is_digest(there):
        counts = part_count(here), part_count(there)
        if counts == (0, 0) or (same_layout and counts[0] == counts[1]):
            return ContentVerdict.DIFFERENT
    ours, theirs = sums_of(here), sums_of(there)
    common = ours.keys() & theirs.keys()
    equal = {name: ours[name] == theirs[name] for name in common}
    comparable = {name for name in common if same_layout or not name[1]}
    if any(not equal[name] for name in comparable):
        return ContentVerdict.DIFFERENT
    return ContentVerdict.SAME if any(equal.values()) else ContentVerdict.UNKNOWN


def has_evidence(head: Head) -> bool:
    """True when the head has a checksum, or an ETag that is a digest."""
    return _is_digest(head) or bool(sums_of(head))


def part_count(head: Head) -> int:
    """Return the number of parts that an ETag shows; 0 for an object that was put in one piece."""
    match = _ETAG.fullmatch(head.etag)
    return int(match[1]) if match is not None and match[1] else 0


def sums_of(head: Head) -> Mapping[tuple[str, str], str]:
    """Return an object's checksums by (header, number of parts). The number is empty for a checksum of the full
    content.
    """
    return {
        (name, text.rpartition("-")[2] if "-" in text else ""): text
        for name, text in head.headers.items()
        if _SUM.fullmatch(name)
    }


def _is_digest(head: Head) -> bool:
    return (
        head.headers.get("x-amz-server-side-encryption", "") in _PLAIN_ENCRYPTION
        and _CUSTOMER_KEY not in head.headers
        and _ETAG.fullmatch(head.etag) is not None
    )
