"""The copy of one version, and the comparison of one key's histories, over the clients to both buckets.

Every write has a condition on the destination's current version (`If-Match`, `If-None-Match`) and is sent once. So
neither another writer nor a lost response can make a version appear twice or in the wrong place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from windlass.core.errors import AccessDenied, NotFound
from windlass.replication.comparison import ContentVerdict
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.listing.heads import CHECKSUM_MODE, compare_heads
from windlass.replication.direct.versions.histories import history_of
from windlass.replication.direct.versions.sequence import Outlook, compare_histories, comparison_for, outlook_of
from windlass.replication.model import BucketRef
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.listing import ListedVersion
from windlass.wire.model import Call, RetryPolicy
from windlass.wire.s3 import Head

__all__ = ["OwnHeaders", "VersionOperations", "VersionStep", "compare_by_heads", "kept", "step_of", "top_of"]

_DELETE_ONCE = RetryPolicy(attempts=1, retry_after_lost_response=False)
_COPY_ONCE = replace(_DELETE_ONCE, errors_after_200=True)
_HEADS_AT_ONCE = 16

OwnHeaders = Callable[[str, str, str], Awaitable[Mapping[str, str]]]
"""Returns a copy's own headers for a key, its version id and its ETag."""


class VersionStep(NamedTuple):
    """A version to copy, or a delete marker to write. `top` is the ETag of the destination's current version: empty
    when that is a delete marker or does not exist, None when it must be read first.
    """

    key: str
    version_id: str
    marker: bool
    size_bytes: int
    etag: str
    last_modified: str
    storage_class: str
    top: str | None


def step_of(version: ListedVersion, top: str | None) -> VersionStep:
    """Return the step that copies a version of the source."""
    return VersionStep(
        version.key,
        version.version_id,
        version.marker,
        version.size_bytes,
        version.etag,
        version.last_modified,
        version.storage_class,
        top,
    )


def top_of(versions: Sequence[ListedVersion]) -> str:
    """Return the ETag of the current version; empty when it is a delete marker or does not exist."""
    return "" if not versions or versions[-1].marker else versions[-1].etag


def kept(versions: Sequence[ListedVersion], *, markers: bool) -> Sequence[ListedVersion]:
    """Return the versions that are compared: without delete markers unless `markers` is set."""
    return versions if markers else [version for version in versions if not version.marker]


@dataclass(frozen=True, slots=True)
class VersionOperations:
    """The calls for versions. `write` is a client with one connection per copy in flight. `markers`: delete markers are
    written, too.
    """

    buckets: BucketPair
    write: Client
    markers: bool
    own: OwnHeaders | None = None

    async def compare_key(self, key: str) -> tuple[Outlook, str]:
        """Compare the current histories of a key. Return what must be done, and the ETag of the destination's current
        version.
        """
        source, target = self.buckets.pair.source, self.buckets.pair.destination
        here, there = await asyncio.gather(
            history_of(self.buckets.read, source, key), history_of(self.buckets.read_destination, target, key)
        )
        ours, theirs = (kept(history.versions, markers=self.markers) for history in (here, there))
        outlook = compare_histories(ours, theirs)
        if outlook.doubtful:
            outlook = await compare_by_heads(self.buckets, key, ours, theirs)
        return outlook, top_of(there.versions)

    async def put(self, step: VersionStep, top: str) -> str:
        """Write one version, and return the ETag of the current version after it. Conflict when the destination's
        current version was another, NotFound when the source no longer has the version.
        """
        target = self.buckets.pair.destination
        if step.marker:
            call = s3.delete(target.bucket, step.key, if_match=top, owner=target.account_id)
            await self.write.send(replace(call, retry_policy=_DELETE_ONCE))
            return ""
        more = dict(await self.own(step.key, step.version_id, step.etag)) if self.own is not None else {}
        if step.size_bytes > self.buckets.largest:
            parts = replace(self.buckets.parts(), headers=more)
            upload = await parts.copy(step, version_id=step.version_id, if_match=top, if_none_match=not top)
            return upload.etag
        return (await self.write.send(self._copy(step, top, more))).etag

    def _copy(self, step: VersionStep, top: str, more: Mapping[str, str]) -> Call[s3.Copied]:
        source, target = self.buckets.pair.source, self.buckets.pair.destination
        headers = {"if-match": f'"{top}"'} if top else {"if-none-match": "*"}
        if step.storage_class not in ("", "STANDARD"):
            headers["x-amz-storage-class"] = step.storage_class
        call = s3.copy(
            target.bucket,
            step.key,
            source_bucket=source.bucket,
            source_key=step.key,
            source_version_id=step.version_id,
            if_match=step.etag,
            headers=headers | dict(more),
            owner=target.account_id,
            source_owner=source.account_id,
        )
        return replace(call, retry_policy=_COPY_ONCE)


async def compare_by_heads(
    buckets: BucketPair,
    key: str,
    source: Sequence[ListedVersion],
    destination: Sequence[ListedVersion],
    *,
    strict: bool = False,
) -> Outlook:
    """Compare histories by the HEADs of their versions (checksums, encryption) when the listings do not decide.

    Versions that remain undecided count as the same when their sizes are equal and the copy is not older. With
    `strict`, the result is `doubtful` when it depends on such versions.
    """
    compare_listed = comparison_for(source)
    open_ = [(ours, there) for ours in source for there in destination if compare_listed(ours, there) is None]
    here = await _heads(buckets.read, buckets.pair.source, key, {ours.version_id for ours, _ in open_})
    there = await _heads(
        buckets.read_destination, buckets.pair.destination, key, {there.version_id for _, there in open_}
    )

    def verdict(ours: ListedVersion, other: ListedVersion) -> ContentVerdict:
        listed = compare_listed(ours, other)
        if listed is None:
            return _compared(here.get(ours.version_id), there.get(other.version_id))
        return ContentVerdict.SAME if listed else ContentVerdict.DIFFERENT

    lenient = outlook_of(source, destination, lambda ours, other: verdict(ours, other) is not ContentVerdict.DIFFERENT)
    if strict and lenient != outlook_of(
        source, destination, lambda ours, other: verdict(ours, other) is ContentVerdict.SAME
    ):
        return Outlook(
            missing_versions=lenient.missing_versions or tuple(source[-1:]), extra=lenient.extra, doubtful=True
        )
    return lenient


def _compared(ours: Head | None, other: Head | None) -> ContentVerdict:
    if ours is None or other is None:
        return ContentVerdict.UNKNOWN
    return compare_heads(ours, other)


async def _heads(client: Client, place: BucketRef, key: str, versions: set[str]) -> dict[str, Head]:
    gate = asyncio.Semaphore(_HEADS_AT_ONCE)

    async def ask(version_id: str) -> tuple[str, Head | None]:
        async with gate:
            try:
                call = s3.head(place.bucket, key, version_id=version_id, headers=CHECKSUM_MODE, owner=place.account_id)
                return version_id, await client.send(call)
            except (AccessDenied, NotFound):
                return version_id, None

    heads = await asyncio.gather(*map(ask, versions))
    return {version_id: head for version_id, head in heads if head is not None}
