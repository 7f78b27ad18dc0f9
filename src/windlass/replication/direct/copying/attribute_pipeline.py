"""Copies that preserve attributes which S3 does not copy: each object's attributes are read first. Replaces
`CopyPipeline`.

Each object costs a task and two or three requests, so this is slower than the pipeline and used only on request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Generic, TypeVar

from windlass.core.errors import AwsError, NotFound, WindlassError
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.copying.attributes import AttributeReader
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.listing import Listed
from windlass.wire.model import COPY, Call

__all__ = ["AttributePipeline"]

T = TypeVar("T")
_FIRST = replace(COPY, attempts=1)
"""The copier sets the pace, so throttling is reported to it at once."""


class AttributePipeline(Generic[T]):
    """At most `size` copies in flight. Calls `done(token, error)` when a copy ends, and `ready()` when there is room."""

    def __init__(
        self,
        buckets: BucketPair,
        carrier: AttributeReader,
        *,
        size: int,
        done: Callable[[T, WindlassError | None], None],
        ready: Callable[[], None],
    ) -> None:
        self._buckets, self._carrier = buckets, carrier
        self._size, self._done, self._ready = size, done, ready
        self._copies = buckets.copies()
        self._client = Client(buckets.write.access, connections=size)
        self._tasks: set[asyncio.Task[None]] = set()
        self.under_way = 0

    def room(self) -> int:
        """Return how many copies may be sent now."""
        return self._size - self.under_way

    def send(self, token: T, key: str, etag: str, storage_class: str) -> None:
        """Start one copy. Call it only while there is room."""
        self.under_way += 1
        task = asyncio.get_running_loop().create_task(self._one(token, key, etag, storage_class))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def copy_large(self, row: Listed) -> None:
        """Copy one object in parts."""
        more = await self._carrier.headers(row.key)
        await replace(self._buckets.parts(), headers=more).copy(row)

    async def copy_current(self, row: Listed) -> bool:
        """Copy the current object under the key. False when the key no longer exists."""
        source = self._buckets.pair.source
        try:
            head = await self._buckets.read.send(s3.head(source.bucket, row.key, owner=source.account_id))
        except NotFound:
            return False
        now = row._replace(
            etag=head.etag, size_bytes=head.size_bytes, storage_class=head.headers.get("x-amz-storage-class", "")
        )
        if now.size_bytes > self._buckets.largest:
            await self.copy_large(now)
        else:
            more = await self._carrier.headers(now.key, "", now.etag)
            await self._client.send(self._call(now.key, now.etag, now.storage_class, more))
        return True

    async def close(self) -> None:
        """Cancel the copies in flight."""
        for task in self._tasks:
            task.cancel()
        await self._client.close()

    async def _one(self, token: T, key: str, etag: str, storage_class: str) -> None:
        error: WindlassError | None = None
        try:
            await self._copy(self._call(key, etag, storage_class, await self._carrier.headers(key, "", etag)))
        except WindlassError as failed:
            error = failed
        self.under_way -= 1
        self._done(token, error)
        self._ready()

    async def _copy(self, call: Call[s3.Copied]) -> None:
        try:
            await self._client.send(replace(call, retry_policy=_FIRST))
        except AwsError:
            await self._client.send(call)

    def _call(self, key: str, etag: str, storage_class: str, more: Mapping[str, str]) -> Call[s3.Copied]:
        call = self._copies.call(key, etag, storage_class)
        return replace(call, request=replace(call.request, headers=(*call.request.headers, *more.items())))
