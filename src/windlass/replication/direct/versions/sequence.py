"""What a key's history at the destination lacks of the source's, when nothing can be added but on top. Pure.

The source's versions are looked for at the destination in their order; what else is between or below them does no harm. What comes
after the last one found is to be copied, oldest first. So a history that was copied halfway goes on where it stopped, one that is
whole is left alone, and one whose newer versions came before its older ones is put on top once more, whole and in order.

A copy has no version id of its source; a true replica has. Otherwise two versions are the same by size and ETag. ETags of KMS
and multipart objects are opaque: where the outcome depends on them, somebody must look closer (`doubtful`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from windlass.replication.own_keys import ARCHIVE_CLASSES
from windlass.wire.listing import ListedVersion

__all__ = ["NEWER", "OUT_OF_ORDER", "Outlook", "Same", "alike", "compare_histories", "settle", "telling"]

NEWER, OUT_OF_ORDER = "DstVersionsNewer", "DstVersionsOutOfOrder"

Same = Callable[[ListedVersion, ListedVersion], bool | None]
"""Whether a version of the destination is (a copy of) one of the source; None when it can't be told."""

_IN_PARTS = "-"
_SECOND = 19  # characters of an ISO time: copies are told to the millisecond, their sources perhaps not


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is to be done about a key."""

    lacking: tuple[ListedVersion, ...] = ()
    """To be copied onto what is there, in this order."""
    archived: tuple[ListedVersion, ...] = ()
    """The destination lacks these, and nobody can read them before they are restored."""
    conflict: str = ""
    """Why `lacking` can't be copied: a code."""
    extra: int = 0
    """Versions of the destination that are none of the source's sequence."""
    doubtful: bool = False
    """It depends on versions of one size with opaque ETags."""

    @property
    def whole(self) -> bool:
        """Whether the destination has everything, in order, and the newest on top."""
        return not (self.lacking or self.archived or self.conflict or self.doubtful)


def alike(source: ListedVersion, destination: ListedVersion) -> bool | None:
    """What two rows of listings say."""
    if source.marker or destination.marker:
        return source.marker and destination.marker
    if source.size_bytes != destination.size_bytes:
        return False
    if source.etag == destination.etag or _replica(source, destination):
        return True
    if destination.last_modified[:_SECOND] < source.last_modified[:_SECOND]:
        return False  # a copy is never older than what it is of
    return None


def telling(source: Sequence[ListedVersion]) -> Same:
    """The same, knowing all of the source's: what has the ETag of one is no copy of another, unless that one's is opaque."""
    known = {one.etag for one in source}

    def same(one: ListedVersion, other: ListedVersion) -> bool | None:
        said = alike(one, other)
        return False if said is None and other.etag in known and _IN_PARTS not in one.etag else said

    return same


def compare_histories(source: Sequence[ListedVersion], destination: Sequence[ListedVersion]) -> Outlook:
    """What the listings say, both histories oldest first. Doubtful where it depends on what they don't tell."""
    tell = telling(source)
    strict = settle(source, destination, lambda one, other: tell(one, other) is True)
    if strict.whole:
        return strict
    lenient = settle(source, destination, lambda one, other: tell(one, other) is not False)
    if lenient == strict:
        return strict
    return Outlook(
        lacking=strict.lacking or tuple(source[-1:]), archived=strict.archived, extra=strict.extra, doubtful=True
    )


def settle(source: Sequence[ListedVersion], destination: Sequence[ListedVersion], same: Same) -> Outlook:
    """What is to be done, both histories oldest first, where `same` knows."""
    if _in_place(source, destination, same):
        return Outlook(extra=len(destination) - len(source))
    found, _ = _found(source, destination, same)
    # An archived version can't be read: what is above it is not kept waiting for it.
    archived = tuple(one for one in source[found:] if one.storage_class in ARCHIVE_CLASSES)
    readable = [one for one in source if one not in archived]
    if _in_place(readable, destination, same):
        return Outlook(archived=archived, extra=len(destination) - len(readable))
    found, last = _found(readable, destination, same)
    lacking = tuple(readable[found:])
    return Outlook(
        lacking=lacking or (readable[-1],),
        archived=archived,
        extra=len(destination) - found,
        conflict=_conflict(source, lacking, destination, destination[last + 1 :], same),
    )


def _in_place(source: Sequence[ListedVersion], destination: Sequence[ListedVersion], same: Same) -> bool:
    """Whether all of the source's are there in order, and the newest on top."""
    if not source:
        return True
    if not destination or not same(source[-1], destination[-1]):
        return False
    return _found(source[:-1], destination[:-1], same)[0] == len(source) - 1


def _found(source: Sequence[ListedVersion], destination: Sequence[ListedVersion], same: Same) -> tuple[int, int]:
    """How many of the source's, from the oldest on, are there in order; and the place of the last of them (-1: none is)."""
    count, last = 0, -1
    for at, there in enumerate(destination):
        if count < len(source) and same(source[count], there):
            count, last = count + 1, at
    return count, last


def _conflict(
    source: Sequence[ListedVersion],
    lacking: Sequence[ListedVersion],
    destination: Sequence[ListedVersion],
    above: Sequence[ListedVersion],
    same: Same,
) -> str:
    """Why versions can't be put on top of what is there; empty when they can."""
    if not lacking:
        return NEWER  # all are there, and something else is current
    if any(_replica(one, there) for one in lacking for there in destination):
        return OUT_OF_ORDER
    known = {(one.marker, one.size_bytes, one.etag) for one in source}
    for there in above:
        if there.last_modified <= source[-1].last_modified or (there.marker, there.size_bytes, there.etag) in known:
            continue
        if not any(same(one, there) for one in source):
            return NEWER
    return ""


def _replica(source: ListedVersion, destination: ListedVersion) -> bool:
    """Only replication makes an object of the same version id."""
    return source.version_id == destination.version_id != "null"
