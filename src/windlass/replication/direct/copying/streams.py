"""Copies from one service to another through this process. Memory grows with neither the size nor the number of
objects.

Small objects are read completely, checked and put. Larger objects are streamed: in one put if they were put in one
piece, otherwise in the source's own parts, so that the ETags of both objects compare. The last piece of a put is held
back until the content matches the source's head, so that damaged content never becomes an object. A multipart upload is
completed under the same condition.

At most 32 MiB of small objects and sixteen streams are in flight. A stream holds about 5 MiB: the read-ahead, the piece
that is held back, the piece being sent, and the piece waiting for its signature.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from windlass.core.aws_errors import TRANSIENT_CODES
from windlass.core.errors import AwsError, Conflict, NotFound, Throttled, WindlassError
from windlass.replication.direct.copying.copy_headers import carried
from windlass.replication.direct.copying.digests import (
    Claim,
    ContentDigest,
    Differs,
    Trust,
    claim_of,
    etag_claim,
    of_parts,
    part_count_of,
)
from windlass.replication.direct.copying.parts import Range, part_ranges, uniform
from windlass.replication.direct.copying.reader import Reader
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.listing import Listed
from windlass.wire.model import PACED, Call
from windlass.wire.s3 import Head, Part

__all__ = ["StreamCopier", "Streams"]

T = TypeVar("T")
_SMALL_BYTES = 4 * 1024**2
_ONE_PUT_BYTES = 5 * 1024**3
_LEAST_PART_BYTES = 5 * 1024**2
_PART_BYTES = 64 * 1024**2
_BUDGET_BYTES = 32 * 1024**2
_OVERHEAD_BYTES = 64 * 1024
_STREAMS = 16
_ATTEMPTS = 4
_CHANGES = 3
_FIRST_S = 0.25
_TRANSIENT = TRANSIENT_CODES | {"ConnectionLost", "ReadTimeout", "BadDigest", "500", "502", "504"}


@dataclass(frozen=True, slots=True)
class StreamCopier:
    """Copies objects from a bucket of one service to a bucket of another."""

    source: Reader
    write: Client
    bucket: str
    owner: str = ""
    classes: Collection[str] = ()
    tags: bool = True
    small_bytes: int = _SMALL_BYTES
    one_put_bytes: int = _ONE_PUT_BYTES
    part_bytes: int = _PART_BYTES
    trust: Trust = field(default_factory=Trust)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STREAMS))

    @property
    def connections(self) -> int:
        """Return how many connections both services accept at once."""
        return min(self.source.client.access.max_connections, self.write.access.max_connections)

    async def copy(self, row: Listed) -> None:
        """Copy the listed object. Conflict when it was replaced, NotFound when it no longer exists."""
        await self._checked(row, None if row.size_bytes <= self.small_bytes else await self.source.head(row.key))

    async def copy_now(self, key: str) -> None:
        """Copy the current object under the key, and restart when it changes. NotFound when there is none."""
        for _ in range(_CHANGES):
            head = await self.source.head(key)
            try:
                return await self._checked(Listed(key, head.size_bytes, head.etag, "", ""), head)
            except Conflict as error:
                if (
                    error.code != "PreconditionFailed"
                ):  # the destination's condition failed: an object lock, or another writer
                    raise
        raise Conflict(
            f"{self.source.bucket}: {key!r} keeps changing while it is copied",
            code="PreconditionFailed",
            hint="Seed again when no other program writes this key.",
        )

    async def _checked(self, row: Listed, head: Head | None) -> None:
        """Copy the object. If its content does not match its head, copy it again: equal digests in two reads prove a
        correct read.
        """
        seen: tuple[Claim, ...] = ()
        while True:
            try:
                await self._copy(row, head, seen)
            except Differs as differs:
                if not seen:
                    seen = (differs.found,)
                    continue
            else:
                return
            raise AwsError(
                f"{self.source.bucket}: {row.key!r} has different content on each read",
                code="BadDigest",
                hint="The network or the source's disk may corrupt it: check both, then seed again.",
            )

    async def _copy(self, row: Listed, head: Head | None, seen: Sequence[Claim]) -> None:
        if head is None:
            await self._small(row, seen)
            return
        if (row.etag and head.etag != row.etag) or head.size_bytes != row.size_bytes:
            raise Conflict(
                f"{self.source.bucket}: {row.key!r} was replaced while the seed ran", code="PreconditionFailed"
            )
        if row.size_bytes <= self.small_bytes:
            await self._small(row, seen)
        elif part_count_of(head.etag) or row.size_bytes > self.one_put_bytes:
            await self._in_parts(row, head, seen)
        else:
            await self._in_one(row, head, seen)

    async def _small(self, row: Listed, seen: Sequence[Claim]) -> None:
        read = await self.source.read_small(row.key, row.etag, row.size_bytes)
        claim = claim_of(read.head, self.trust)
        if claim is not None and claim.algorithm == "parts" and part_count_of(claim.digest) != 1:
            claim = None
        digest = ContentDigest(_claims(claim, seen))
        digest.update(read.body)
        self.trust.learn(claim, digest.check())
        headers = await self._headers(row.key, read.head, full_content=True) | {"content-md5": _base64(digest.md5)}
        await self.write.send(_paced(s3.put(self.bucket, row.key, read.body, headers=headers, owner=self.owner)))

    async def _in_one(self, row: Listed, head: Head, seen: Sequence[Claim]) -> None:
        claim = claim_of(head, self.trust)
        headers = await self._headers(row.key, head, full_content=True)
        if claim is not None and claim.algorithm == "md5" and not seen:
            headers["content-md5"] = _base64(claim.digest)
        call = s3.put(self.bucket, row.key, b"", headers=headers, owner=self.owner)
        async with self.slots:
            _, digest = await self._through(call, row.key, head.etag, (0, row.size_bytes - 1), _claims(claim, seen))
        self.trust.learn(claim, digest.check())

    async def _in_parts(self, row: Listed, head: Head, seen: Sequence[Claim]) -> None:
        sizes, exact = await self._sizes(row.key, head)
        headers = await self._headers(row.key, head)
        begin = s3.create_upload(self.bucket, row.key, headers=headers, owner=self.owner, checksums=True)
        upload = await self.write.send(_paced(begin))
        try:
            uploaded = await self._parts(row.key, head.etag, upload, list(part_ranges(sizes)))
            _check_parts(self.bucket, row.key, uploaded)
            if exact:  # when the parts are a guess, a different digest only shows that the guess was wrong
                claim = etag_claim(head, self.trust)
                self.trust.learn(claim, of_parts([md5 for _, md5 in uploaded]).among(_claims(claim, seen)))
            parts = [part for part, _ in uploaded]
            await self.write.send(
                s3.complete_upload(self.bucket, row.key, upload_id=upload, parts=parts, owner=self.owner)
            )
        except BaseException:
            # Parts of an unfinished upload cost money until a lifecycle rule deletes them.
            await asyncio.shield(self._abort(row.key, upload))
            raise

    async def _sizes(self, key: str, head: Head) -> tuple[list[int], bool]:
        """Return the sizes of the parts to copy, and True if they are certainly the source's own."""
        sizes, exact = await self.source.layout(key, head) if part_count_of(head.etag) else ([], False)
        if not sizes or any(size < _LEAST_PART_BYTES for size in sizes[:-1]):
            return uniform(head.size_bytes, self.part_bytes), False
        return sizes, exact

    async def _parts(self, key: str, etag: str, upload: str, ranges: list[Range]) -> list[tuple[Part, str]]:
        """Copy the parts, several at once. Return the uploaded parts with the MD5s of the content that was read."""
        uploaded: list[tuple[Part, str] | None] = [None] * len(ranges)
        left = iter(ranges)

        async def work() -> None:
            for number, first, last in left:
                call = s3.upload_part(self.bucket, key, upload_id=upload, number=number, body=b"", owner=self.owner)
                async with self.slots:
                    part, digest = await self._through(call, key, etag, (first, last), ())
                uploaded[number - 1] = (part, digest.md5)

        tasks = [asyncio.ensure_future(work()) for _ in range(min(_STREAMS, len(ranges)))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(
                *tasks, return_exceptions=True
            )  # afterwards the slots are free and no part is being written
        return [part for part in uploaded if part is not None]

    async def _through(
        self, call: Call[T], key: str, etag: str, span: tuple[int, int], claims: Sequence[Claim]
    ) -> tuple[T, ContentDigest]:
        """Read a range and send it on at once. Return the response and the digest of the content. Restarts after a cut
        connection.
        """
        attempt = 0
        while True:
            attempt += 1
            digest = ContentDigest(claims)
            try:
                async with contextlib.aclosing(_hold_back_last(self.source.pieces(key, etag, *span), digest)) as pieces:
                    return await self.write.upload(call, span[1] - span[0] + 1, pieces), digest
            except (AwsError, Throttled) as error:
                is_transient = isinstance(error, Throttled) or error.code in _TRANSIENT
                if attempt >= _ATTEMPTS or not is_transient:
                    raise
            await asyncio.sleep(_FIRST_S * 2**attempt * random.random())  # noqa: S311  no secret

    async def _headers(self, key: str, head: Head, *, full_content: bool = False) -> dict[str, str]:
        tags = await self.source.tags(key, head) if self.tags else []
        return carried(head, tags, classes=self.classes, full_content=full_content)

    async def _abort(self, key: str, upload: str) -> None:
        with contextlib.suppress(AwsError, NotFound, Throttled):
            await self.write.send(s3.abort_upload(self.bucket, key, upload_id=upload, owner=self.owner))


def _check_parts(bucket: str, key: str, uploaded: Sequence[tuple[Part, str]]) -> None:
    """Compare the destination's ETag of each part with the MD5 of what was sent. If one ETag is an MD5, all must be."""
    equal = [part.etag == md5 for part, md5 in uploaded]
    if any(equal) and not all(equal):
        number = equal.index(False) + 1
        raise AwsError(
            f"{bucket}: part {number} of {key!r} differs from what was sent",
            code="BadDigest",
            hint="The network or the destination's disk may corrupt it: check both, then seed again.",
        )


def _claims(claim: Claim | None, seen: Sequence[Claim]) -> tuple[Claim, ...]:
    """Return the acceptable claims: that of the head, and that of the previous read."""
    return (*([claim] if claim is not None else []), *seen)


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


async def _hold_back_last(pieces: AsyncGenerator[bytes, None], digest: ContentDigest) -> AsyncGenerator[bytes, None]:
    """Yield the pieces, but the last one only after all of them match a claim."""
    held = b""
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            digest.update(piece)
            if held:
                yield held
            held = piece
    digest.check()
    yield held


class Streams(Generic[T]):
    """Parallel copies within a memory budget, with the interface of `CopyPipeline`: `done(token, error)`, `ready()`."""

    def __init__(
        self,
        copier: StreamCopier,
        *,
        size: int,
        done: Callable[[T, WindlassError | None], None],
        ready: Callable[[], None],
        budget_bytes: int = _BUDGET_BYTES,
    ) -> None:
        self._copier = copier
        self._size, self._budget = min(size, copier.connections), budget_bytes
        self._done, self._ready = done, ready
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.under_way = 0

    def room(self) -> int:
        """Return how many copies may be sent now; 0 while the budget is used up. The last copy may exceed it."""
        return self._size - self.under_way if self._budget > 0 else 0

    def send(self, token: T, row: Listed) -> None:
        """Start the copy of one object. Call it only while there is room."""
        self.under_way += 1
        self._budget -= self._cost_bytes(row)
        task = asyncio.get_running_loop().create_task(self._copied(token, row))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel the copies in flight; `done` is not called for them."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cost_bytes(self, row: Listed) -> int:
        """Return the memory that a copy may need. Larger objects need that of their streams, which have their own
        slots.
        """
        return _OVERHEAD_BYTES + (row.size_bytes if row.size_bytes <= self._copier.small_bytes else 0)

    async def _copied(self, token: T, row: Listed) -> None:
        error: WindlassError | None = None
        try:
            await self._copier.copy(row)
        except WindlassError as failed:
            error = failed
        finally:
            self.under_way -= 1
            self._budget += self._cost_bytes(row)
        if not self._closed:
            self._done(token, error)
            self._ready()


def _paced(call: Call[Any]) -> Call[Any]:
    return replace(call, retry_policy=replace(PACED, max_body_bytes=call.retry_policy.max_body_bytes))
