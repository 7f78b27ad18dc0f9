"""Reads of one bucket's objects, on the condition that the object is unchanged: complete, or a range that continues
after a cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any

from windlass.core.errors import AwsError, Conflict, NotFound, WindlassError
from windlass.replication.direct.copying.parts import uniform
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.errors import ConnectionLost
from windlass.wire.model import PACED, Call
from windlass.wire.s3 import Head

__all__ = ["Reader", "SmallObject", "likely_parts"]

_CUTS = 5
_PAUSE_S = 0.2
_MIB = 1024**2
_LEAST_PART = 5 * _MIB
_HEADS_AT_ONCE = 32
_USUAL_MIB = (8, 5, 16, 64, 10, 15, 32, 50, 100, 128, 256, 512, 1024)
_ASKED = {"x-amz-checksum-mode": "ENABLED"}


@dataclass(frozen=True, slots=True)
class SmallObject:
    """A small object with its complete content."""

    head: Head
    body: bytes


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects of one bucket. Throttling is reported at once, because the caller sets the pace."""

    client: Client
    bucket: str
    owner: str = ""

    async def head(self, key: str) -> Head:
        """Return the object's current head. NotFound when the object no longer exists."""
        return await self.client.send(_paced(s3.head(self.bucket, key, headers=_ASKED, owner=self.owner)))

    async def whole(self, key: str, etag: str, size_bytes: int) -> SmallObject:
        """Return a small object. Conflict when the object was replaced (some services ignore If-Match)."""
        call = s3.get(
            self.bucket, key, if_match=etag, headers=_ASKED, owner=self.owner, max_bytes=2 * size_bytes + _MIB
        )
        head, body = await self.client.send(_paced(call))
        self._check(key, etag, head)
        if len(body) != size_bytes:
            if not etag:
                raise self._changed(key)
            raise AwsError(
                f"{self.bucket}: {key!r} has {size_bytes:,} bytes, and {len(body):,} were received",
                code="IncompleteBody",
                hint="Check for a proxy that changes response bodies.",
            )
        return SmallObject(head, body)

    async def pieces(self, key: str, etag: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly the bytes from `first` to `last`, both included. Conflict when the object was replaced."""
        at, cuts = first, 0
        while at <= last:
            before = at
            try:
                call = s3.get(self.bucket, key, byte_range=(at, last), if_match=etag, owner=self.owner)
                async with self.client.stream(_paced(call)) as (heads, pieces):
                    head = heads[0]
                    self._check(key, etag, head)
                    if not head.content_range.startswith(f"bytes {at}-{last}/"):
                        raise AwsError(
                            f"{self.bucket}: bytes {at}-{last} of {key!r} were requested, received: {head.content_range or 'all'}",
                            code="InvalidRange",
                            hint="Use a service that supports range requests.",
                        )
                    async for piece in pieces:
                        at += len(piece)
                        yield piece
            except ConnectionLost:
                pass
            if at <= last:  # the connection was cut: request the rest of the same object
                cuts = cuts + 1 if at == before else 0
                if cuts > _CUTS:
                    message = f"{self.bucket}: reading {key!r} was cut off repeatedly, the last time at byte {at:,}"
                    raise AwsError(message, code="IncompleteBody", hint="Check the network and the service.")
                await asyncio.sleep(_PAUSE_S * cuts)

    async def layout(self, key: str, head: Head) -> tuple[list[int], bool]:
        """Return the sizes of the upload's parts, and True if the service reported them (False: they are a guess)."""
        count = int(head.etag.rpartition("-")[2])
        guess = likely_parts(head.size_bytes, count)
        try:
            first = (await self._part(key, head, 1)).size_bytes
            if first == head.size_bytes and count > 1:  # the service reports no parts
                return guess, False
            gate = asyncio.Semaphore(_HEADS_AT_ONCE)

            async def size(number: int) -> int:
                async with gate:
                    return (await self._part(key, head, number)).size_bytes

            sizes = [first, *await asyncio.gather(*[size(number) for number in range(2, count + 1)])]
        except (Conflict, NotFound):
            raise
        except WindlassError:
            return guess, False
        return (sizes, True) if sum(sizes) == head.size_bytes else (guess, False)

    async def tags(self, key: str, head: Head) -> list[tuple[str, str]]:
        """Return the object's tags, if its head shows that it has any."""
        if head.headers.get("x-amz-tagging-count", "0") == "0":
            return []
        return await self.client.send(_paced(s3.tags(self.bucket, key, owner=self.owner)))

    async def _part(self, key: str, head: Head, number: int) -> Head:
        part = await self.client.send(s3.head(self.bucket, key, part=number, if_match=head.etag, owner=self.owner))
        self._check(key, head.etag, part)
        return part

    def _check(self, key: str, etag: str, head: Head) -> None:
        if etag and head.etag and head.etag != etag:
            raise self._changed(key)

    def _changed(self, key: str) -> Conflict:
        return Conflict(f"{self.bucket}: {key!r} was replaced while the seed ran", code="PreconditionFailed")


def likely_parts(size_bytes: int, count: int) -> list[int]:
    """Return the most likely equal part sizes for `count` parts: a common size, or full MiB. Empty when no such size
    fits.
    """
    share = -(-size_bytes // count)
    least = max(_LEAST_PART, -(-share // _MIB) * _MIB)
    for part in (*(usual * _MIB for usual in _USUAL_MIB), least):
        if part >= _LEAST_PART and -(-size_bytes // part) == count:
            return uniform(size_bytes, part)
    return []


def _paced(call: Call[Any]) -> Call[Any]:
    return replace(
        call, retry_policy=replace(PACED, max_body_bytes=call.retry_policy.max_body_bytes, read_ahead_bytes=_MIB)
    )
