"""The versions that a key's history at the destination is missing, when versions can only be added on top. Pure.

The source's versions are searched at the destination in their order; other versions between or below them are ignored.
The versions after the last match are to be copied, oldest first. So a partly copied history continues where it stopped,
a complete history is left alone, and a history whose newer versions were copied before older ones is copied again on
top, completely and in order.

A true replica has the version id of its source; a copy does not. Otherwise two versions are the same by size and ETag.
ETags of KMS and multipart objects are opaque. When the result depends on them, it is `doubtful`, and HEADs must decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windlass.replication.own_keys import ARCHIVE_CLASSES
from windlass.wire.listing import ListedVersion

__all__ = [
    "NEWER",
    "OUT_OF_ORDER",
    "Outlook",
    "SameVersion",
    "compare_histories",
    "compare_rows",
    "comparison_for",
    "outlook_of",
]

NEWER, OUT_OF_ORDER = "DstVersionsNewer", "DstVersionsOutOfOrder"

SameVersion = Callable[[ListedVersion, ListedVersion], bool | None]
"""Returns whether a version of the destination is (a copy of) a version of the source; None when that is unknown."""

_IN_PARTS = "-"
_SECOND = 19  # characters of an ISO time down to seconds: copies may have milliseconds where their sources have none


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What must be done for a key."""

    missing_versions: tuple[ListedVersion, ...] = ()
    """The versions to copy on top of the destination's, in this order."""
    archived: tuple[ListedVersion, ...] = ()
    """Missing versions that cannot be read before a restore."""
    conflict: str = ""
    """The failure code if `missing_versions` cannot be copied; else empty."""
    extra: int = 0
    """The number of versions of the destination that the source does not have."""
    doubtful: bool = False
    """True when the result depends on versions of equal size with opaque ETags."""

    @property
    def complete(self) -> bool:
        """True when the destination has all versions in order, with the newest on top."""
        return not (self.missing_versions or self.archived or self.conflict or self.doubtful)


def compare_rows(source: ListedVersion, destination: ListedVersion) -> bool | None:
    """Compare two rows of listings. None when they do not decide."""
    if source.marker or destination.marker:
        return source.marker and destination.marker
    if source.size_bytes != destination.size_bytes:
        return False
    if source.etag == destination.etag or _replica(source, destination):
        return True
    if destination.last_modified[:_SECOND] < source.last_modified[:_SECOND]:
        return False  # a copy is never older than its source
    return None


def comparison_for(source: Sequence[ListedVersion]) -> SameVersion:
    """Return a comparison that knows all of the source's versions: the ETag of one is not that of a copy of another,
    unless opaque.
    """
    known = {version.etag for version in source}

    def same(ours: ListedVersion, other: ListedVersion) -> bool | None:
        verdict = compare_rows(ours, other)
        return False if verdict is None and other.etag in known and _IN_PARTS not in ours.etag else verdict

    return same


def compare_histories(source: Sequence[ListedVersion], destination: Sequence[ListedVersion]) -> Outlook:
    """Compare two histories by their listings, both oldest first. The result is doubtful when the listings do not
    decide.
    """
    compare_listed = comparison_for(source)
    strict = outlook_of(source, destination, lambda ours, other: compare_listed(ours, other) is True)
    if strict.complete:
        return strict
    lenient = outlook_of(source, destination, lambda ours, other: compare_listed(ours, other) is not False)
    if lenient == strict:
        return strict
    return Outlook(
        missing_versions=strict.missing_versions or tuple(source[-1:]),
        archived=strict.archived,
        extra=strict.extra,
        doubtful=True,
    )


def outlook_of(source: Sequence[ListedVersion], destination: Sequence[ListedVersion], same: SameVersion) -> Outlook:
    """Return what must be done, given both histories (oldest first) and a comparison `same` that always decides."""
    if _in_place(source, destination, same):
        return Outlook(extra=len(destination) - len(source))
    count, _ = _found(source, destination, same)
    # An archived version cannot be read. The versions above it are copied without waiting for it.
    archived = tuple(version for version in source[count:] if version.storage_class in ARCHIVE_CLASSES)
    readable = [version for version in source if version not in archived]
    if _in_place(readable, destination, same):
        return Outlook(archived=archived, extra=len(destination) - len(readable))
    count, last = _found(readable, destination, same)
    missing_versions = tuple(readable[count:])
    return Outlook(
        missing_versions=missing_versions or (readable[-1],),
        archived=archived,
        extra=len(destination) - count,
        conflict=_conflict(source, missing_versions, destination, destination[last + 1 :], same),
    )


def _in_place(source: Sequence[ListedVersion], destination: Sequence[ListedVersion], same: SameVersion) -> bool:
    """True when the destination has all of the source's versions in order, with the newest on top."""
    if not source:
        return True
    if not destination or not same(source[-1], destination[-1]):
        return False
    return _found(source[:-1], destination[:-1], same)[0] == len(source) - 1


def _found(source: Sequence[ListedVersion], destination: Sequence[ListedVersion], same: SameVersion) -> tuple[int, int]:
    """Return how many of the source's versions, from the oldest, are there in order, and the index of the last match
    (-1: none).
    """
    count, last = 0, -1
    for at, there in enumerate(destination):
        if count < len(source) and same(source[count], there):
            count, last = count + 1, at
    return count, last


def _conflict(
    source: Sequence[ListedVersion],
    missing_versions: Sequence[ListedVersion],
    destination: Sequence[ListedVersion],
    above: Sequence[ListedVersion],
    same: SameVersion,
) -> str:
    """Return the failure code when the missing versions cannot be copied on top; else empty."""
    if not missing_versions:
        return NEWER  # all versions are there, but another one is current
    if any(_replica(version, there) for version in missing_versions for there in destination):
        return OUT_OF_ORDER
    known = {(version.marker, version.size_bytes, version.etag) for version in source}
    for there in above:
        if there.last_modified <= source[-1].last_modified or (there.marker, there.size_bytes, there.etag) in known:
            continue
        if not any(same(version, there) for version in source):
            return NEWER
    return ""


def _replica(source: ListedVersion, destination: ListedVersion) -> bool:
    """True when both have the same version id: only replication makes such an object."""
    return source.version_id == destination.version_id != "null"
