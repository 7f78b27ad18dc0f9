"""The two buckets of a pair: clients, listings, and the operations that copy one object."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Self

from windlass.core.access import Access
from windlass.core.clock import format_time, parse_time
from windlass.core.errors import AwsError, NotFound, WindlassError
from windlass.core.paging import LoopGuard
from windlass.replication.comparison import ContentVerdict
from windlass.replication.customer_keys import NO_KEYS, OTHER_ENCRYPTION, PairKeys
from windlass.replication.direct.copying.parts import PartCopier
from windlass.replication.direct.copying.reader import Reader
from windlass.replication.direct.copying.streams import StreamCopier
from windlass.replication.direct.listing.comparison import List
from windlass.replication.direct.listing.heads import ASKED, compare_heads
from windlass.replication.model import BucketRef, Pair
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.copy_requests import CopyRequests
from windlass.wire.listing import Listed, Page

__all__ = ["BucketPair", "ServiceAccess"]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Open = Callable[[str, str], Access]
"""Opens the access to S3 of an account in a region."""


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """The access to services other than AWS, by name, and what is copied between two services."""

    reach: Callable[[str], Access]
    classes: Collection[str] = ()
    tags: bool = True


@dataclass(slots=True)
class BucketPair:
    """Clients to both buckets. `reader` is the account that copies: the destination's, or the source's if the
    destination's is unknown.
    """

    pair: Pair
    read: Client
    write: Client
    look: Client
    part_bytes: int
    largest: int
    _stack: AsyncExitStack
    tags: bool = True
    """True when the destination's service supports tags."""
    streams: StreamCopier | None = None
    """Set for a pair of two services: objects are streamed through this process."""

    @classmethod
    async def open(
        cls,
        pair: Pair,
        reach: Open,
        *,
        largest: int,
        part_bytes: int,
        reader: str = "",
        elsewhere: ServiceAccess | None = None,
        customer_keys: PairKeys = NO_KEYS,
    ) -> Self:
        """Open both buckets. The caller closes them with `close`. `reader` is the account used when neither bucket is
        the estate's.
        """
        source, target = pair.source, pair.destination
        reader = target.account_id or source.account_id or reader
        stack, clients = AsyncExitStack(), dict[tuple[str, str, str, str], Client]()

        async def open_client(place: BucketRef, account_id: str, with_keys: Callable[[Access], Access]) -> Client:
            # With customer keys, each bucket has its own headers. Without any, both buckets share one connection pool.
            side = place.name if customer_keys else ""
            key = (place.service, "" if place.service else account_id, place.region, side)
            if key not in clients:
                if place.service:
                    assert elsewhere is not None
                    access = elsewhere.reach(place.service)
                else:
                    access = reach(account_id, place.region)
                clients[key] = await stack.enter_async_context(Client(with_keys(access)))
            return clients[key]

        read = await open_client(source, source.account_id or reader, customer_keys.reading)
        write = await open_client(target, reader, customer_keys.writing)
        tags = elsewhere.tags if elsewhere is not None else True
        bucket_pair = cls(pair, read, write, write, part_bytes, largest, stack, tags=tags)
        if not pair.one_service:
            assert elsewhere is not None
            reading = Reader(read, source.bucket, source.account_id)
            bucket_pair.streams = StreamCopier(
                reading, write, target.bucket, target.account_id, classes=elsewhere.classes, tags=elsewhere.tags
            )
            bucket_pair.largest = min(largest, bucket_pair.streams.one_put_bytes)
        return bucket_pair

    async def close(self) -> None:
        """Close the clients."""
        await self._stack.aclose()

    def source_pages(self) -> List:
        """Return the listing of the source's keys."""
        return _pages(self.read, self.pair.source, self.pair.prefix)

    def destination_pages(self) -> List:
        """Return the listing of the destination's keys."""
        return _pages(self.look, self.pair.destination, self.pair.prefix)

    def copies(self) -> CopyRequests:
        """Return the requests that copy small objects, one per object."""
        source, target = self.pair.source, self.pair.destination
        return CopyRequests(
            target.bucket,
            source_bucket=source.bucket,
            owner=target.account_id,
            source_owner=source.account_id,
            user_agent=self.write.access.user_agent,
            headers=dict(self.write.access.headers_of("CopyObject")),
        )

    async def copy_large(self, row: Listed) -> None:
        """Copy an object that is too large for one CopyObject, in its current state."""
        if self.streams is not None:
            await self.streams.copy_now(row.key)
        else:
            await self.parts().copy(row)

    def parts(self) -> PartCopier:
        """Return the copier of large objects."""
        source, target = self.pair.source, self.pair.destination
        return PartCopier(
            self.read,
            self.write,
            source.bucket,
            target.bucket,
            source_owner=source.account_id,
            owner=target.account_id,
            part_bytes=self.part_bytes,
            tags=self.tags,
        )

    async def is_copied(self, row: Listed) -> bool:
        """True when the destination has the object: same size and ETag, or a later time and no checksum that differs."""
        source, target = self.pair.source, self.pair.destination
        try:
            head = await self.look.send(s3.head(target.bucket, row.key, headers=ASKED, owner=target.account_id))
        except NotFound:
            return False
        except AwsError as error:
            if error.code not in OTHER_ENCRYPTION:
                raise
            return False
        if head.size_bytes != row.size_bytes:
            return False
        if head.etag == row.etag:
            return True
        # An HTTP date has no fractions of a second.
        written = parsedate_to_datetime(head.headers["last-modified"])
        if written < parse_time(row.last_modified).replace(microsecond=0):
            return False
        if self.streams is not None:
            return True
        try:
            here = await self.read.send(
                s3.head(source.bucket, row.key, if_match=row.etag, headers=ASKED, owner=source.account_id)
            )
        except WindlassError:  # the copy meets the same error and reports it
            return False
        return compare_heads(here, head, digests=not self.pair.services) is not ContentVerdict.DIFFERENT

    async def copy_current(self, row: Listed) -> bool:
        """Copy the current object under the key. False when the key no longer exists."""
        source = self.pair.source
        try:
            if self.streams is not None:
                await self.streams.copy_now(row.key)
                return True
            head = await self.read.send(s3.head(source.bucket, row.key, owner=source.account_id))
        except NotFound:
            return False
        now = row._replace(
            etag=head.etag, size_bytes=head.size_bytes, storage_class=head.headers.get("x-amz-storage-class", "")
        )
        if now.size_bytes > self.largest:
            await self.parts().copy(now)
        else:
            await self.write.send(self.copies().call(now.key, now.etag, now.storage_class))
        return True


def _pages(client: Client, place: BucketRef, prefix: str) -> List:
    async def page(after: str) -> Page:
        call = s3.list_objects(place.bucket, prefix=prefix, start_after=after, owner=place.account_id)
        keys = await client.send(call)
        if not keys.objects and keys.token:
            keys = await _followed(client, place, prefix, keys.token)
        return Page(_timed(keys.objects), keys.prefixes, keys.token) if place.service else keys

    return page


async def _followed(client: Client, place: BucketRef, prefix: str, token: str) -> Page:
    """Return the first page with keys after a truncated page without any."""
    guard = LoopGuard(f"the listing of {place.name}")
    while True:
        guard.advance(token)
        page = await client.send(s3.list_objects(place.bucket, prefix=prefix, token=token, owner=place.account_id))
        if page.objects or not page.token:
            return page
        token = page.token


def _timed(rows: list[Listed]) -> list[Listed]:
    """Return the rows with their times in AWS's format, because times are compared as text."""
    if all(_TIME.fullmatch(row.last_modified) for row in rows):
        return rows
    try:
        return [row._replace(last_modified=format_time(parse_time(row.last_modified))[:23] + "Z") for row in rows]
    except ValueError as error:
        raise AwsError(f"a listing has an invalid time ({error})", hint="Check that this is an S3 endpoint.") from None
