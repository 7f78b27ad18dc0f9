"""How one version is copied, and how one key is looked at, over the clients to both buckets.

Every write says what must be on top at the destination (`If-Match`, `If-None-Match`), and is sent once: whoever writes there
at the same time, and whatever became of a request whose answer was lost, no version is put where it does not belong, and none
twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from windlass.core.errors import AccessDenied, NotFound
from windlass.replication.comparison import Verdict
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.listing.heads import ASKED, compare_heads
from windlass.replication.direct.versions.histories import history_of
from windlass.replication.direct.versions.sequence import Outlook, compare_histories, settle, telling
from windlass.replication.model import BucketRef
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.listing import ListedVersion
from windlass.wire.model import Call, RetryPolicy
from windlass.wire.s3 import Head

__all__ = ["Own", "Step", "VersionOperations", "closer", "kept", "step_of", "top_of"]

_DELETE_ONCE = RetryPolicy(attempts=1, retry_after_lost_response=False)
_COPY_ONCE = replace(_DELETE_ONCE, errors_after_200=True)
_HEADS_AT_ONCE = 16

Own = Callable[[str, str, str], Awaitable[Mapping[str, str]]]
"""Headers of a copy's own: of a key, its version id and its ETag."""


class Step(NamedTuple):
    """A version to copy, or a delete marker to make. `top`: the ETag of what is on top at the destination; empty where nothing or a
    marker is; None where that must be looked at first."""

    key: str
    version_id: str
    marker: bool
    size_bytes: int
    etag: str
    last_modified: str
    storage_class: str
    top: str | None


def step_of(version: ListedVersion, top: str | None) -> Step:
    """A version of the source as something to do."""
    return Step(
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
    """The ETag of what is current; empty where that is nothing, or a delete marker."""
    return "" if not versions or versions[-1].marker else versions[-1].etag


def kept(versions: Sequence[ListedVersion], *, markers: bool) -> Sequence[ListedVersion]:
    """What counts of a history: delete markers only where they are wanted."""
    return versions if markers else [one for one in versions if not one.marker]


@dataclass(frozen=True, slots=True)
class VersionOperations:
    """`write` is a client of its own, with a connection for each copy under way. `markers`: delete markers are made, too."""

    sides: BucketPair
    write: Client
    markers: bool
    own: Own | None = None

    async def look(self, key: str) -> tuple[Outlook, str]:
        """What is to be done about a key as both sides are now, and what is on top at the destination."""
        source, target = self.sides.pair.source, self.sides.pair.destination
        here, there = await asyncio.gather(
            history_of(self.sides.read, source, key), history_of(self.sides.look, target, key)
        )
        ours, theirs = (kept(one.versions, markers=self.markers) for one in (here, there))
        outlook = compare_histories(ours, theirs)
        if outlook.doubtful:
            outlook = await closer(self.sides, key, ours, theirs)
        return outlook, top_of(there.versions)

    async def put(self, step: Step, top: str) -> str:
        """Put one on top; what is on top then. Conflict when something else was, NotFound when the source has it no more."""
        target = self.sides.pair.destination
        if step.marker:
            call = s3.delete(target.bucket, step.key, if_match=top, owner=target.account_id)
            await self.write.send(replace(call, retry_policy=_DELETE_ONCE))
            return ""
        more = dict(await self.own(step.key, step.version_id, step.etag)) if self.own is not None else {}
        if step.size_bytes > self.sides.largest:
            parts = replace(self.sides.parts(), headers=more)
            made = await parts.copy(step, version_id=step.version_id, if_match=top, if_none_match=not top)
            return made.etag
        return (await self.write.send(self._copy(step, top, more))).etag

    def _copy(self, step: Step, top: str, more: Mapping[str, str]) -> Call[s3.Copied]:
        source, target = self.sides.pair.source, self.sides.pair.destination
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


async def closer(
    sides: BucketPair,
    key: str,
    source: Sequence[ListedVersion],
    destination: Sequence[ListedVersion],
    *,
    strict: bool = False,
) -> Outlook:
    """What is to be done where listings don't tell: by what S3 says of each version (checksums, encryption).

    Versions of which nothing more can be told are taken for the same when sizes are equal and the copy is not older; `strict`
    tells with `doubtful` that the outcome depends on that.
    """
    tell = telling(source)
    open_ = [(one, there) for one in source for there in destination if tell(one, there) is None]
    here = await _heads(sides.read, sides.pair.source, key, {one.version_id for one, _ in open_})
    there = await _heads(sides.look, sides.pair.destination, key, {there.version_id for _, there in open_})

    def verdict(one: ListedVersion, other: ListedVersion) -> Verdict:
        listed = tell(one, other)
        if listed is None:
            return _compared(here.get(one.version_id), there.get(other.version_id))
        return Verdict.SAME if listed else Verdict.DIFFERENT

    lenient = settle(source, destination, lambda one, other: verdict(one, other) is not Verdict.DIFFERENT)
    if strict and lenient != settle(source, destination, lambda one, other: verdict(one, other) is Verdict.SAME):
        return Outlook(lacking=lenient.lacking or tuple(source[-1:]), extra=lenient.extra, doubtful=True)
    return lenient


def _compared(one: Head | None, other: Head | None) -> Verdict:
    if one is None or other is None:
        return Verdict.UNKNOWN
    return compare_heads(one, other)


async def _heads(client: Client, place: BucketRef, key: str, versions: set[str]) -> dict[str, Head]:
    gate = asyncio.Semaphore(_HEADS_AT_ONCE)

    async def ask(version_id: str) -> tuple[str, Head | None]:
        async with gate:
            try:
                call = s3.head(place.bucket, key, version_id=version_id, headers=ASKED, owner=place.account_id)
                return version_id, await client.send(call)
            except (AccessDenied, NotFound):
                return version_id, None

    found = await asyncio.gather(*map(ask, versions))
    return {version_id: head for version_id, head in found if head is not None}
