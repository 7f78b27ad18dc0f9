"""Sending a body that comes in pieces, in constant memory: its size is known beforehand, its content is not.

Over TLS the payload goes unsigned, as the AWS CLI sends it. What nobody encrypts must at least be signed: over plain HTTP
each chunk is, with the signature of the one before it in its own. Source: S3 API reference, "Signature Calculations for
the Authorization Header: Transferring Payload in Multiple Chunks". tests/wire/test_uploading.py has its worked example.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from windlass.core.access import Keys
from windlass.core.errors import UsageError
from windlass.wire.model import EMPTY_SHA256, UNSIGNED, Call, Request, Response
from windlass.wire.places import Place

if TYPE_CHECKING:
    from windlass.wire.door import Door

__all__ = ["ChunkSigner", "encoded_bytes", "uploaded"]

CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_CHUNK_BYTES = 256 * 1024


async def uploaded(door: Door, call: Call[Any], size_bytes: int, pieces: AsyncIterator[bytes]) -> Response:
    """The answer to one attempt; ConnectionLost or BrokenAnswer when there is none, and whatever the pieces raise."""
    keys = await door.fetch_keys()
    place = door.place(call.request.bucket)
    connection = place.pool.take() or await place.pool.get()
    try:
        head, signer = _head(door, call.request, place, keys, size_bytes)
    except BaseException:
        place.pool.give_back(connection)
        raise
    answer = connection.send(
        head, b"", head_only=False, limit=call.manners.max_body_bytes,
        timeout_s=call.read_timeout_s or door.access.read_timeout_s,
    )  # fmt: skip
    connection.unsent = True
    try:
        async for piece in pieces if signer is None else _signed(signer, pieces):
            if answer.done():  # it is refused before it is whole
                break
            await connection.write(piece)
        else:
            connection.unsent = False
        response = await answer
    except BaseException:
        # Without its last bytes the body is no body, and nothing is made of it.
        answer.cancel()
        connection.close()
        raise
    if connection.unsent:
        connection.close()
    return response


class ChunkSigner:
    """Signs the chunks of one body, each over the one before it; `seed` is the signature of the head."""

    def __init__(self, key: bytes, stamp: str, scope: str, seed: str) -> None:
        self._key, self._before = key, seed
        self._begins = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n"

    def chunk(self, data: bytes) -> bytes:
        """A chunk as it is sent; an empty one ends the body."""
        text = f"{self._begins}{self._before}\n{EMPTY_SHA256}\n{sha256(data).hexdigest()}"
        self._before = hmac.digest(self._key, text.encode(), "sha256").hex()
        return b"%x;chunk-signature=%b\r\n%b\r\n" % (len(data), self._before.encode(), data)


def encoded_bytes(size_bytes: int, chunk_bytes: int = _CHUNK_BYTES) -> int:
    """How long a body of this size is with its chunks' signatures."""
    whole, rest = divmod(size_bytes, chunk_bytes)
    return whole * _framed(chunk_bytes) + (_framed(rest) if rest else 0) + _framed(0)


def _framed(size_bytes: int) -> int:
    return len(f"{size_bytes:x};chunk-signature=") + 64 + 2 + size_bytes + 2


async def _signed(signer: ChunkSigner, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, cut anew into chunks of one size."""
    waiting = bytearray()
    async for piece in pieces:
        waiting += piece
        at = 0
        while len(waiting) - at >= _CHUNK_BYTES:
            yield signer.chunk(bytes(waiting[at : at + _CHUNK_BYTES]))
            at += _CHUNK_BYTES
        del waiting[:at]
    if waiting:
        yield signer.chunk(bytes(waiting))
    yield signer.chunk(b"")


def _head(door: Door, request: Request, place: Place, keys: Keys, size_bytes: int) -> tuple[bytes, ChunkSigner | None]:
    """The head, and who signs the chunks where the payload must be signed."""
    tls = place.pool.endpoint.tls
    digest, length = (UNSIGNED, size_bytes) if tls else (CHUNKED, encoded_bytes(size_bytes))
    path = place.prefix + request.path
    headers = [("host", place.pool.endpoint.authority), *request.headers]
    if not tls:
        headers.append(("x-amz-decoded-content-length", str(size_bytes)))
    place.signer.sign(request.method, path, request.query, headers, digest, keys, time.time() + door.skew_s)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
        raise UsageError("a header's value has a line break or a NUL in it", hint="Look at the metadata given.")
    target = f"{path}?{request.query}" if request.query else path
    head = (
        f"{request.method} {target} HTTP/1.1\r\n{lines}user-agent: {door.access.user_agent}\r\n"
        f"content-length: {length}\r\n\r\n"
    )
    if tls:
        return head.encode("utf-8", "surrogateescape"), None
    found = dict(headers)
    scope, key = place.signer.scope_and_key(found["x-amz-date"][:8], keys)
    signer = ChunkSigner(key, found["x-amz-date"], scope, found["authorization"].rpartition("=")[2])
    return head.encode("utf-8", "surrogateescape"), signer
