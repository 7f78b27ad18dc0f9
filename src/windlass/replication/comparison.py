"""The comparison of two objects under one key (same, different or unknown), and what a seed does about the key. Pure.

Seeds, plans, manifests and `verify` all use this comparison, so they agree about which objects are in sync. A listing
shows sizes, times and ETags. An ETag is the content's MD5 only when the object was put in one piece and is not
encrypted with SSE-KMS or SSE-C (S3 API reference, "Object", ETag). Only a HEAD shows that: direct/listing/evidence.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # windlass.wire imports orjson, which `windlass replicate --help` does not need
    from windlass.wire.listing import Listed

__all__ = ["BY_ETAG", "Compare", "ContentVerdict", "Criteria", "KeyAction", "action_for", "compare_listed", "is_older"]


class Compare(StrEnum):
    """What two objects of one key are compared by. Each includes the size."""

    SIZE = "size"
    TIME = "time"
    ETAG = "etag"
    CHECKSUM = "checksum"


class ContentVerdict(StrEnum):
    """Whether two objects have the same content."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class KeyAction(StrEnum):
    """What a seed does about a key of the source."""

    SKIP = "skip"
    COPY = "copy"
    REFUSE = "refuse"
    """The destination has a different, newer object. It is replaced only if the user requests that."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """How a pair is compared, and whether a different, newer object of the destination is replaced (`replace_newer`)."""

    by: Compare = Compare.ETAG
    replace_newer: bool = False


BY_ETAG = Criteria()
"""By ETag, or by a checksum that both sides have; newer objects of the destination stay."""


def compare_listed(source: Listed, destination: Listed, by: Compare) -> ContentVerdict:
    """Compare two rows of listings. UNKNOWN (by ETag or checksum) means that a HEAD of both objects may decide."""
    if source.size_bytes != destination.size_bytes:
        return ContentVerdict.DIFFERENT
    if by is Compare.SIZE:
        return ContentVerdict.SAME
    if by is Compare.ETAG:
        return ContentVerdict.SAME if source.etag == destination.etag else ContentVerdict.UNKNOWN
    if by is Compare.TIME:
        if is_older(source, destination):
            return ContentVerdict.DIFFERENT
        # A listing does not show which of two objects is older when both were written within one second.
        same_second = source.last_modified == destination.last_modified
        return ContentVerdict.UNKNOWN if same_second and source.etag != destination.etag else ContentVerdict.SAME
    return ContentVerdict.UNKNOWN


def is_older(source: Listed, destination: Listed) -> bool:
    """True when the source was written after the destination's object: its metadata may differ, too."""
    return destination.last_modified < source.last_modified


def action_for(source: Listed, destination: Listed | None, verdict: ContentVerdict, criteria: Criteria) -> KeyAction:
    """Decide about a key. `verdict` is ignored without a `destination`."""
    if destination is None or source.size_bytes != destination.size_bytes:
        return KeyAction.COPY
    if criteria.by is not Compare.SIZE and is_older(source, destination):
        return KeyAction.COPY
    if verdict is not ContentVerdict.DIFFERENT:
        return KeyAction.SKIP
    newer = source.last_modified < destination.last_modified
    return KeyAction.REFUSE if newer and not criteria.replace_newer else KeyAction.COPY
