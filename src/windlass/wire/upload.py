"""Uploads whose body comes in pieces, in constant memory: the size is known beforehand, the content is not.

Over TLS the payload is unsigned, as the AWS CLI sends it. Over plain HTTP each chunk is signed, with the signature of
the chunk before it in its own. A CRC-32 of the content follows it in a trailer, unless the caller
knows a checksum beforehand or the service is one that may not read trailers. Source: S3 API reference, "Signature Calculations for
the Authorization Header: Transferring Payload in Multiple Chunks" and "… Including Trailing Headers". tests/wire/test_uploading.py
has both worked examples.
"""

from __future__ import annotations

import hmac
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from windlass.core.access import Access, Keys
from windlass.core.errors import UsageError
from windlass.wire.checksums import CRC32_HEADER, crc32_text, has_checksum
from windlass.wire.model import EMPTY_SHA256, UNSIGNED, Call, Checksum, Response
from windlass.wire.routes import Route

__all__ = ["ChunkSigner", "Sender", "encoded_bytes", "send_upload"]

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_AND_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_AND_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Sender:
    """What an upload is signed and sent with; `skew_s` is how far the service's clock is ahead of ours."""

    access: Access
    keys: Keys
    route: Route
    skew_s: float


async def send_upload(sender: Sender, call: Call[Any], size_bytes: int, pieces: AsyncIterator[bytes]) -> Response:
    """Send one attempt; return its response. ConnectionLost or BrokenResponse when there is none; errors of `pieces` pass through."""
    route = sender.route
    connection = route.pool.take() or await route.pool.get()
    try:
        head, framing = _head(sender, call, size_bytes)
    except BaseException:
        route.pool.give_back(connection)
        raise
    pending = connection.send(
        head,
        b"",
        head_only=False,
        limit=call.retry_policy.max_body_bytes,
        timeout_s=call.read_timeout_s or sender.access.read_timeout_s,
    )
    connection.unsent = True
    try:
        async for piece in pieces if framing is None else framing.frame(pieces):
            if pending.done():  # refused before all of it was sent
                break
            await connection.write(piece)
        else:
            connection.unsent = False
        response = await pending
    except BaseException:
        # Without its last bytes the request is incomplete, and S3 creates nothing.
        pending.cancel()
        connection.close()
        raise
    if connection.unsent:
        connection.close()
    return response


class ChunkSigner:
    """Signs the chunks of one body, each with the signature before it; `seed` is the head's."""

    def __init__(self, key: bytes, stamp: str, scope: str, seed: str, *, trailer: bool = False) -> None:
        self._key, self._before = key, seed
        self._trailer = trailer
        self._begins = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n"
        self._trailer_begins = f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{scope}\n"

    def chunk(self, data: bytes) -> bytes:
        """Frame and sign a chunk; an empty one ends the body, or its content when a trailer follows."""
        text = f"{self._begins}{self._before}\n{EMPTY_SHA256}\n{sha256(data).hexdigest()}"
        self._before = hmac.digest(self._key, text.encode(), "sha256").hex()
        end = b"" if self._trailer and not data else b"\r\n"
        return b"%x;chunk-signature=%b\r\n%b%b" % (len(data), self._before.encode(), data, end)

    def trailer(self, name: str, value: str) -> bytes:
        """Return the trailer, which ends the body after the empty chunk."""
        line = f"{name}:{value}\n"
        text = f"{self._trailer_begins}{self._before}\n{sha256(line.encode()).hexdigest()}"
        signature = hmac.digest(self._key, text.encode(), "sha256").hex()
        return f"{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()


class PlainChunks:
    """Frames chunks without signatures, for TLS."""

    def chunk(self, data: bytes) -> bytes:
        """Frame a chunk; an empty one ends the content."""
        return b"%x\r\n%b%b" % (len(data), data, b"\r\n" if data else b"")

    def trailer(self, name: str, value: str) -> bytes:
        """Return the trailer, which ends the body."""
        return f"{name}:{value}\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class Framing:
    """Turns content into a body: chunks of one size, and a trailer with the CRC-32 of the content."""

    chunks: ChunkSigner | PlainChunks
    trailer: bool

    async def frame(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the body of content that arrives in pieces of any size."""
        waiting = bytearray()
        checksum = 0
        async for piece in pieces:
            checksum = zlib.crc32(piece, checksum) if self.trailer else 0
            waiting += piece
            at = 0
            while len(waiting) - at >= _CHUNK_BYTES:
                yield self.chunks.chunk(bytes(waiting[at : at + _CHUNK_BYTES]))
                at += _CHUNK_BYTES
            del waiting[:at]
        if waiting:
            yield self.chunks.chunk(bytes(waiting))
        end = self.chunks.chunk(b"")
        yield end + self.chunks.trailer(CRC32_HEADER, crc32_text(checksum)) if self.trailer else end


def encoded_bytes(
    size_bytes: int, chunk_bytes: int = _CHUNK_BYTES, *, signed: bool = True, trailer_bytes: int = 0
) -> int:
    """Return a body's size with its chunk heads. `trailer_bytes` includes the blank line after the trailer."""
    full_chunks, rest = divmod(size_bytes, chunk_bytes)
    last = _framed(0, signed=signed) - (2 if trailer_bytes else 0)
    content = full_chunks * _framed(chunk_bytes, signed=signed) + (_framed(rest, signed=signed) if rest else 0)
    return content + last + trailer_bytes


def _framed(size_bytes: int, *, signed: bool) -> int:
    return len(f"{size_bytes:x}") + (len(";chunk-signature=") + 64 if signed else 0) + 2 + size_bytes + 2


_TRAILER_BYTES = len(f"{CRC32_HEADER}:{crc32_text(0)}\r\n\r\n")
_SIGNED_TRAILER_BYTES = _TRAILER_BYTES + len("x-amz-trailer-signature:") + 64 + 2


def _head(sender: Sender, call: Call[Any], size_bytes: int) -> tuple[bytes, Framing | None]:
    """Return the signed head and the body's framing; None for a body that is sent unchanged."""
    request, route, keys = call.request, sender.route, sender.keys
    tls = route.pool.endpoint.tls
    trailer = sender.access.crc32 and request.checksum is Checksum.BODY and not has_checksum(request)
    digest, length = _payload(tls=tls, trailer=trailer, size_bytes=size_bytes)
    path = route.prefix + request.path
    headers = [("host", route.pool.endpoint.authority), *request.headers]
    present = {name for name, _ in request.headers}
    headers += [header for header in sender.access.headers_of(call.name) if header[0] not in present]
    if trailer:
        headers = [*_chunked_encoding(headers), ("x-amz-trailer", CRC32_HEADER)]
    if trailer or not tls:
        headers.append(("x-amz-decoded-content-length", str(size_bytes)))
    route.signer.sign(request.method, path, request.query, headers, digest, keys, time.time() + sender.skew_s)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
        raise UsageError("a header's value has a line break or a NUL in it", hint="Check the metadata headers.")
    target = f"{path}?{request.query}" if request.query else path
    head = (
        f"{request.method} {target} HTTP/1.1\r\n{lines}user-agent: {sender.access.user_agent}\r\n"
        f"content-length: {length}\r\n\r\n"
    ).encode("utf-8", "surrogateescape")
    if tls:
        return head, Framing(PlainChunks(), trailer=True) if trailer else None
    signed = dict(headers)
    scope, key = route.signer.scope_and_key(signed["x-amz-date"][:8], keys)
    seed = signed["authorization"].rpartition("=")[2]
    return head, Framing(ChunkSigner(key, signed["x-amz-date"], scope, seed, trailer=trailer), trailer)


def _payload(*, tls: bool, trailer: bool, size_bytes: int) -> tuple[str, int]:
    """(x-amz-content-sha256, length of the body)."""
    if tls and not trailer:
        return UNSIGNED, size_bytes
    if tls:
        return UNSIGNED_AND_TRAILER, encoded_bytes(size_bytes, signed=False, trailer_bytes=_TRAILER_BYTES)
    if trailer:
        return SIGNED_CHUNKS_AND_TRAILER, encoded_bytes(size_bytes, trailer_bytes=_SIGNED_TRAILER_BYTES)
    return SIGNED_CHUNKS, encoded_bytes(size_bytes)


def _chunked_encoding(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers with `aws-chunked` before the object's own content encodings."""
    own = [value for name, value in headers if name == "content-encoding" and value]
    rest = [(name, value) for name, value in headers if name != "content-encoding"]
    return [*rest, ("content-encoding", ",".join(("aws-chunked", *own)))]
