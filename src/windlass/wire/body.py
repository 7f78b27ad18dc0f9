"""A streamed response body: its reader takes it piece by piece, and a slow reader leaves the rest in TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, Self

__all__ = ["Body", "BodySource", "append_piece"]

_TINY_BYTES, _GATHERED_BYTES = 1024, 64 * 1024


class BodySource(Protocol):
    """The connection that a body arrives on."""

    loop: asyncio.AbstractEventLoop

    def close(self) -> None:
        """Close at once."""
        ...

    def pause(self) -> None:
        """Stop reading from the socket."""
        ...

    def resume(self) -> None:
        """Read from the socket again."""
        ...


class Body(AsyncIterator[bytes]):
    """A streamed body: `async for chunk in body`; reading stops at the socket while `read_ahead_bytes` wait."""

    def __init__(self, source: BodySource, read_ahead_bytes: int) -> None:
        self._source = source
        self._read_ahead_bytes = read_ahead_bytes
        self._chunks: list[bytes | bytearray] = []
        self._waiting_bytes = 0
        self.ended = False
        self._error: Exception | None = None
        self._wake: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    def abandon(self) -> None:
        """Close the connection unless the body has ended: the rest would be taken for the next response."""
        if not self.ended:
            self._source.close()

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self.ended:
                raise StopAsyncIteration
            self._wake = self._source.loop.create_future()
            await self._wake
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._waiting_bytes = 0
        if not self.ended:  # after its end, the connection may serve another request
            self._source.resume()
        return data

    def put(self, data: bytes) -> None:
        """Add a piece that arrived."""
        append_piece(self._chunks, data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= self._read_ahead_bytes:
            self._source.pause()
        self._wake_reader()

    def end(self, error: Exception | None = None) -> None:
        """Mark the end: complete, or cut off by `error`, which the reader gets after the last piece."""
        self.ended, self._error = True, error
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def append_piece(pieces: list[bytes | bytearray], data: bytes) -> None:
    """Append a piece; tiny ones grow together, as a list of them would take many times what they hold."""
    if len(data) < _TINY_BYTES and pieces and len(pieces[-1]) < _GATHERED_BYTES:
        last = pieces[-1]
        if not isinstance(last, bytearray):
            last = pieces[-1] = bytearray(last)
        last += data
    else:
        pieces.append(data)
