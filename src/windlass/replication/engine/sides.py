"""The two buckets of a pair, reached through the wire: their listings, and the ways in which an object is copied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Self

from windlass.core.access import Access
from windlass.core.clock import parse_time
from windlass.core.errors import NotFound
from windlass.replication.engine.parts import PartCopier
from windlass.replication.engine.walk import List
from windlass.replication.model import Pair, Place
from windlass.wire import s3
from windlass.wire.copies import Copies
from windlass.wire.door import Door
from windlass.wire.listing import Listed, Page

__all__ = ["Sides"]

Open = Callable[[str, str], Access]
"""How S3 is reached as an account in a region."""


@dataclass(slots=True)
class Sides:
    """Doors to both buckets. `reader` copies: the destination's account, or the source's where the destination is a stranger's."""

    pair: Pair
    read: Door
    write: Door
    look: Door
    part_bytes: int
    largest: int
    _stack: AsyncExitStack

    @classmethod
    async def open(cls, pair: Pair, reach: Open, *, largest: int, part_bytes: int, reader: str = "") -> Self:
        """Open them; close them with `close`. `reader` stands in where both buckets are strangers'."""
        source, target = pair.source, pair.destination
        reader = target.account_id or source.account_id or reader
        stack, doors = AsyncExitStack(), dict[tuple[str, str], Door]()

        async def door(account_id: str, region: str) -> Door:
            if (account_id, region) not in doors:
                doors[account_id, region] = await stack.enter_async_context(Door(reach(account_id, region)))
            return doors[account_id, region]

        read = await door(source.account_id or reader, source.region)
        write = await door(reader, target.region)
        return cls(pair, read, write, write, part_bytes, largest, stack)

    async def close(self) -> None:
        """Close the doors."""
        await self._stack.aclose()

    def source_pages(self) -> List:
        """The source's keys."""
        return _pages(self.read, self.pair.source, self.pair.prefix)

    def destination_pages(self) -> List:
        """The destination's keys."""
        return _pages(self.look, self.pair.destination, self.pair.prefix)

    def copies(self) -> Copies:
        """Small objects, one request each."""
        source, target = self.pair.source, self.pair.destination
        return Copies(
            target.bucket, source_bucket=source.bucket, owner=target.account_id, source_owner=source.account_id,
            user_agent=self.write.access.user_agent,
        )  # fmt: skip

    def parts(self) -> PartCopier:
        """Large ones, in parts."""
        source, target = self.pair.source, self.pair.destination
        return PartCopier(
            self.read, self.write, source.bucket, target.bucket, source_owner=source.account_id, owner=target.account_id,
            part_bytes=self.part_bytes,
        )  # fmt: skip

    async def there(self, row: Listed) -> bool:
        """Whether the destination has this row: the same size, and the same ETag or a later time."""
        target = self.pair.destination
        try:
            head = await self.look(s3.head(target.bucket, row.key, owner=target.account_id))
        except NotFound:
            return False
        if head.size_bytes != row.size_bytes:
            return False
        if head.etag == row.etag:
            return True
        # An HTTP date has no fractions of a second.
        written = parsedate_to_datetime(head.headers["last-modified"])
        return written >= parse_time(row.last_modified).replace(microsecond=0)

    async def anew(self, row: Listed) -> bool:
        """Copy what is under this key now; whether there was anything."""
        source = self.pair.source
        try:
            head = await self.read(s3.head(source.bucket, row.key, owner=source.account_id))
        except NotFound:
            return False
        now = row._replace(
            etag=head.etag, size_bytes=head.size_bytes, storage_class=head.headers.get("x-amz-storage-class", "")
        )
        if now.size_bytes > self.largest:
            await self.parts().copy(now)
        else:
            await self.write(self.copies().call(now.key, now.etag, now.storage_class))
        return True


def _pages(door: Door, place: Place, prefix: str) -> List:
    async def page(after: str) -> Page:
        return await door(s3.list_objects(place.bucket, prefix=prefix, start_after=after, owner=place.account_id))

    return page
