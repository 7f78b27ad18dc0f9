"""The comparison of two objects of equal size: by HEADs when the listings do not decide, or by reading both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from windlass.core.errors import AwsError, WindlassError
from windlass.replication.comparison import Compare, ContentVerdict, compare_listed
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.listing.heads import ASKED, compare_heads, has_evidence, part_count
from windlass.replication.model import BucketRef
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.errors import ConnectionLost
from windlass.wire.listing import Listed
from windlass.wire.s3 import Head

__all__ = ["Evidence", "by_content"]

_HEADS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Evidence:
    """Compares rows of both sides. Reads heads when the listings do not decide, at most `_HEADS_AT_ONCE` pairs at a
    time.
    """

    buckets: BucketPair
    by: Compare
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HEADS_AT_ONCE))

    async def verdicts(self, rows: Sequence[tuple[Listed, Listed]]) -> list[ContentVerdict]:
        """Return a verdict for each (source, destination), in order. UNKNOWN when an object cannot be read or changes
        meanwhile.
        """
        verdicts = [compare_listed(source, destination, self.by) for source, destination in rows]
        if self.by in (Compare.ETAG, Compare.CHECKSUM):
            open_ = [at for at, verdict in enumerate(verdicts) if verdict is ContentVerdict.UNKNOWN]
            for at, verdict in zip(
                open_, await asyncio.gather(*[self._closer(*rows[at]) for at in open_]), strict=True
            ):
                verdicts[at] = verdict
        return verdicts

    async def _closer(self, source: Listed, destination: Listed) -> ContentVerdict:
        async with self._gate:
            try:
                return await self._by_heads(source, destination)
            except WindlassError:
                return ContentVerdict.UNKNOWN

    async def _by_heads(self, source: Listed, destination: Listed) -> ContentVerdict:
        pair = self.buckets.pair
        there = await _head(self.buckets.look, pair.destination, destination)
        if not has_evidence(there):
            return ContentVerdict.UNKNOWN
        here = await _head(self.buckets.read, pair.source, source)
        digests = not pair.services  # another service does not report what its ETag is a digest of
        verdict = compare_heads(here, there, digests=digests)
        if verdict is ContentVerdict.UNKNOWN and await self._same_layout(source, here, destination, there):
            return compare_heads(here, there, digests=digests, same_layout=True)
        return verdict

    async def _same_layout(self, source: Listed, here: Head, destination: Listed, there: Head) -> bool:
        """True when both were uploaded in the same number of parts, and their first and last parts have equal sizes."""
        count, pair = part_count(here), self.buckets.pair
        if not count or count != part_count(there):
            return False
        heads = await asyncio.gather(
            *[_head(self.buckets.read, pair.source, source, part=number) for number in (1, count)],
            *[_head(self.buckets.look, pair.destination, destination, part=number) for number in (1, count)],
        )
        sizes = [head.size_bytes for head in heads]
        has_parts = (
            count == 1 or max(sizes) < source.size_bytes
        )  # a service without part numbers returns the full object
        return has_parts and sizes[:2] == sizes[2:]


async def by_content(buckets: BucketPair, key: str) -> bool:
    """Read both objects completely, in constant memory. True when their content is the same, byte for byte."""
    here, there = await asyncio.gather(
        _digest(buckets.read, buckets.pair.source, key), _digest(buckets.look, buckets.pair.destination, key)
    )
    return here == there


async def _head(client: Client, place: BucketRef, row: Listed, *, part: int = 0) -> Head:
    call = s3.head(place.bucket, row.key, part=part, if_match=row.etag, headers=ASKED, owner=place.account_id)
    head = await client.send(call)
    if row.etag and head.etag != row.etag:  # some services ignore If-Match
        raise AwsError(f"{place.name}: {row.key!r} was replaced while the seed ran", hint="Compare again.")
    return head


async def _digest(client: Client, place: BucketRef, key: str) -> str:
    digest = sha256()
    try:
        async with client.stream(s3.get(place.bucket, key, owner=place.account_id)) as (_, pieces):
            async for piece in pieces:
                digest.update(piece)
    except ConnectionLost as lost:
        raise AwsError(
            f"{place.bucket}: the connection was lost while reading {key!r} ({lost})", hint="Verify again."
        ) from None
    return digest.hexdigest()
