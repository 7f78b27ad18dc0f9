"""The copy of one large object in parts, with the source's part boundaries, so that the ETags of both objects compare.

Every part is copied on the condition that the source's object is unchanged. The copy preserves metadata, content
headers, tags, storage class, website redirect and checksum algorithm, and gets the extra `headers` (lock, ACL). Source:
S3 user guide, "Copying an object using multipart upload".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from windlass.core.errors import AwsError, WindlassError
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.s3 import Head, Part

__all__ = ["PartCopier", "part_ranges", "uniform"]

_PART_BYTES = 512 * 1024**2
_AT_ONCE = 16
_HEADS_AT_ONCE = 32
_MOST_PARTS = 10_000
_MULTIPART = re.compile(r"[0-9a-f]{32}-(\d{1,5})")
_KEPT = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_CHECKSUM = re.compile(r"x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)")


class Named(Protocol):
    """An object to copy."""

    @property
    def key(self) -> str:
        """Return its key."""


Range = tuple[int, int, int]
"""(number, first byte, last byte) of a part."""


def part_ranges(sizes: Sequence[int]) -> Iterator[Range]:
    """Yield the byte range of each part, in order."""
    first = 0
    for number, size in enumerate(sizes, 1):
        yield number, first, first + size - 1
        first += size


def uniform(size_bytes: int, part_bytes: int) -> list[int]:
    """Return equal part sizes, with a smaller last part; at most 10,000 parts."""
    part_bytes = max(part_bytes, -(-size_bytes // _MOST_PARTS))
    full_parts, rest = divmod(size_bytes, part_bytes)
    return [part_bytes] * full_parts + ([rest] if rest else [])


@dataclass(frozen=True, slots=True)
class PartCopier:
    """Copies objects of one pair in parts. `read` and `write` are the clients to the two buckets."""

    read: Client
    write: Client
    source: str
    bucket: str
    source_owner: str = ""
    owner: str = ""
    headers: Mapping[str, str] | None = None
    part_bytes: int = _PART_BYTES
    tags: bool = True
    """True when tags are read and written; some services have none."""

    async def copy(
        self, row: Named, *, version_id: str = "", if_match: str = "", if_none_match: bool = False
    ) -> s3.Put:
        """Copy the current object or one version, and return the result of the upload. NotFound when it no longer
        exists.

        `if_match` and `if_none_match` are conditions on the destination's object: Conflict when they are not met.
        """
        key = row.key
        head = await self._head(key, version_id)
        sizes = await self._layout(key, version_id, head)
        headers = self._made(head) | dict(self.headers or {})
        tags = await self._tags(key, version_id, head)
        if tags:
            headers["x-amz-tagging"] = tags
        upload = await self.write.send(s3.create_upload(self.bucket, key, headers=headers, owner=self.owner))
        try:
            parts = await self._parts(key, version_id, head, upload, list(part_ranges(sizes)))
            return await self.write.send(
                s3.complete_upload(
                    self.bucket,
                    key,
                    upload_id=upload,
                    parts=parts,
                    if_match=if_match,
                    if_none_match=if_none_match,
                    owner=self.owner,
                )
            )
        except BaseException:
            # Parts of an unfinished upload cost money until a lifecycle rule deletes them.
            await asyncio.shield(self._abort(key, upload))
            raise

    async def _head(self, key: str, version_id: str) -> Head:
        checksum_mode = {"x-amz-checksum-mode": "ENABLED"}
        call = s3.head(self.source, key, version_id=version_id, headers=checksum_mode, owner=self.source_owner)
        return await self.read.send(call)

    async def _layout(self, key: str, version_id: str, head: Head) -> list[int]:
        """Return the sizes of the source's parts; equal parts when it has none or its service does not report them."""
        match = _MULTIPART.fullmatch(head.etag)
        if match is None or not 1 <= int(match[1]) <= _MOST_PARTS:
            return uniform(head.size_bytes, self.part_bytes)
        gate = asyncio.Semaphore(_HEADS_AT_ONCE)

        async def size(number: int) -> int:
            async with gate:
                call = s3.head(
                    self.source, key, version_id=version_id, part=number, if_match=head.etag, owner=self.source_owner
                )
                return (await self.read.send(call)).size_bytes

        try:
            sizes = await asyncio.gather(*[size(number) for number in range(1, int(match[1]) + 1)])
        except WindlassError:
            return uniform(head.size_bytes, self.part_bytes)
        return sizes if sum(sizes) == head.size_bytes else uniform(head.size_bytes, self.part_bytes)

    def _made(self, head: Head) -> dict[str, str]:
        headers = {
            name: value for name, value in head.headers.items() if name in _KEPT or name.startswith("x-amz-meta-")
        }
        for name in head.headers:
            if match := _CHECKSUM.fullmatch(name):
                headers["x-amz-checksum-algorithm"] = match[1].upper()
                if head.headers.get("x-amz-checksum-type"):
                    headers["x-amz-checksum-type"] = head.headers["x-amz-checksum-type"]
        return headers

    async def _tags(self, key: str, version_id: str, head: Head) -> str:
        """Return the object's tags in the format of the tagging header."""
        if not self.tags or head.headers.get("x-amz-tagging-count") == "0":
            return ""
        call = s3.tags(self.source, key, version_id=version_id, owner=self.source_owner)
        tags = await self.read.send(call)
        return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in tags)

    async def _parts(self, key: str, version_id: str, head: Head, upload: str, ranges: Sequence[Range]) -> list[Part]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def part(number: int, first: int, last: int) -> Part:
            async with gate:
                return await self.write.send(
                    s3.copy_part(
                        self.bucket,
                        key,
                        upload_id=upload,
                        number=number,
                        source_bucket=self.source,
                        source_key=key,
                        byte_range=(first, last),
                        source_version_id=version_id or _version(head),
                        if_match=head.etag,
                        owner=self.owner,
                        source_owner=self.source_owner,
                    )
                )

        tasks = [asyncio.ensure_future(part(*entry)) for entry in ranges]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def _abort(self, key: str, upload: str) -> None:
        try:
            await self.write.send(s3.abort_upload(self.bucket, key, upload_id=upload, owner=self.owner))
        except WindlassError as error:
            if not isinstance(error, AwsError):
                raise


def _version(head: Head) -> str:
    return "" if head.version_id in ("", "null") else head.version_id
