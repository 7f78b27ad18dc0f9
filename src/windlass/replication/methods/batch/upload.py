"""An upload of a stream as one S3 object: a put when it is small, otherwise a multipart upload that holds one part in
memory.

Part sizes grow by half every thousand parts, so that ten thousand parts hold a manifest of 20 billion rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from windlass.core.errors import WindlassError

__all__ = ["Uploaded", "part_sizes", "upload"]

_FIRST_BYTES = 8 * 1024 * 1024
_MOST_PARTS = 10_000

Call = Callable[..., dict[str, Any]]
"""Calls (operation, **params) of S3 in the bucket's region."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The result of an upload."""

    etag: str
    size_bytes: int


def part_sizes(first_bytes: int = _FIRST_BYTES) -> Iterator[int]:
    """Yield the size of each part in turn."""
    size = float(first_bytes)
    for number in range(_MOST_PARTS):
        if number and number % 1000 == 0:
            size *= 1.5
        yield int(size)


def upload(
    call: Call, bucket: str, key: str, chunks: Iterable[bytes], *, first_bytes: int = _FIRST_BYTES, **params: Any
) -> Uploaded:
    """Write the chunks. After an error, the multipart upload is aborted, so that it costs nothing."""
    sizes = part_sizes(first_bytes)
    parts = _parts(chunks, sizes)
    first = next(parts, b"")
    second = next(parts, None)
    if second is None:
        response = call("PutObject", Bucket=bucket, Key=key, Body=first, **params)
        return Uploaded(_plain(response["ETag"]), len(first))
    begun = call("CreateMultipartUpload", Bucket=bucket, Key=key, **params)
    named = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
    try:
        size, etags = 0, []
        for number, body in enumerate(_chained(first, second, parts), 1):
            response = call("UploadPart", **named, PartNumber=number, Body=body)
            etags.append({"PartNumber": number, "ETag": response["ETag"]})
            size += len(body)
        done = call("CompleteMultipartUpload", **named, MultipartUpload={"Parts": etags})
    except BaseException:
        with contextlib.suppress(WindlassError):
            call("AbortMultipartUpload", **named)
        raise
    return Uploaded(_plain(done["ETag"]), size)


def _parts(chunks: Iterable[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    held, size, part_bytes = [], 0, next(sizes)
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= part_bytes:
            yield b"".join(held)
            held, size, part_bytes = [], 0, next(sizes)
    if held:
        yield b"".join(held)


def _chained(first: bytes, second: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest


def _plain(etag: str) -> str:
    return etag.strip('"')
