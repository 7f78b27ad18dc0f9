"""One keep-alive connection: HTTP/1.1 responses parsed where they arrive, one request at a time.

The protocol reads into one buffer that all connections of a loop share (what is read is parsed at once), keeps at most
`RetryPolicy.max_body_bytes` of a body, gives up on an answer that is all head, trailers or framing, and lets a streamed body
wait in TCP when its reader is slow. A large body moves without being copied: what arrives is read to where it is
wanted (`Call.into`), what is sent is given to the socket piece by piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol, Self, cast

import httptools

from windlass.wire.errors import BrokenAnswer, ConnectionLost
from windlass.wire.model import Response

__all__ = ["Body", "Connection", "Waiting", "shared_buffer"]

_BUFFER_BYTES = 256 * 1024
# What is read beside the body: a head, trailers, and framing in proportion to the body.
_MAX_BESIDE_BYTES = 64 * 1024 + _BUFFER_BYTES
_MAX_FRAMING = 16
_TINY_BYTES, _GATHERED_BYTES = 1024, 64 * 1024
_SENT_AT_ONCE_BYTES = 256 * 1024
# A body that comes slower than this, over a whole timeout, is as good as none.
_SLOWEST_BYTES_S = 1024


def shared_buffer() -> memoryview:
    """A buffer for all connections of one loop: each read is parsed before the next begins."""
    return memoryview(bytearray(_BUFFER_BYTES))


class Body(AsyncIterator[bytes]):
    """A streamed body: `async for chunk in body`; reading stops at the socket while `read_ahead_bytes` wait."""

    def __init__(self, connection: Connection, read_ahead_bytes: int) -> None:
        self._connection = connection
        self._ahead_bytes = read_ahead_bytes
        self._chunks: list[bytes | bytearray] = []
        self._waiting_bytes = 0
        self.ended = False
        self._error: Exception | None = None
        self._wake: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    def abandon(self) -> None:
        """Read no further; what is still to come would be taken for the next answer."""
        if not self.ended:
            self._connection.close()

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self.ended:
                raise StopAsyncIteration
            self._wake = self._connection.loop.create_future()
            await self._wake
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._waiting_bytes = 0
        if not self.ended:  # else the connection may be another request's by now
            self._connection.resume()
        return data

    def put(self, data: bytes) -> None:
        """Take what arrived."""
        _gather(self._chunks, data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= self._ahead_bytes:
            self._connection.pause()
        self._stir()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes: all is there, or `error` says why not."""
        self.ended, self._error = True, error
        self._stir()

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Waiting(Protocol):
    """Who waits for an answer: a future, or a connection of a flow."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def set_result(self, result: Response, /) -> None:
        """The answer."""
        ...

    def set_exception(self, exception: Exception, /) -> None:
        """Why there is none."""
        ...


class Connection(asyncio.BufferedProtocol):
    """A connection and what it waits for. `freed(connection)` is called when it can take the next request, or is closed."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, buffer: memoryview, freed: Callable[[Connection], None]
    ) -> None:
        self.loop = loop
        self._buffer = buffer
        self._freed = freed
        self.transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self.closed = False
        self.used = 0
        self.idle_since = 0.0
        self.unsent = False  # part of the request's body is still to be sent
        self._rest: memoryview | None = None  # that part, when it is here
        self._given_bytes = self._ahead_bytes = 0
        self._full: asyncio.Future[None] | None = None
        self._answer: Waiting | None = None
        self._body: Body | None = None
        self._stream, self._limit = False, 0
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes | bytearray] = []
        self._into: memoryview | None = None
        self._keep = False
        self._direct_end = 0  # where in `_into` the body ends that is read right there; 0: it goes through the parser
        self._done = False
        self._reset(head_only=False, limit=0, stream=False)

    # What the pool and the client call

    def send(
        self,
        data: bytes,
        body: bytes | memoryview,
        *,
        head_only: bool,
        limit: int,
        timeout_s: float,
        stream: bool = False,
        read_ahead_bytes: int = 4 * 1024 * 1024,
        patient: bool = False,
        into: memoryview | None = None,
    ) -> asyncio.Future[Response]:
        """Send one request; its answer. With `stream` the answer comes with its head; its `stream` is the rest.

        `into` is where a good answer's body goes.
        `timeout_s` is how long nothing may move, the request's body included; `patient` takes a blank for a movement.
        ConnectionLost when it is closed already.
        """
        assert self._answer is None
        if self.closed or self.transport is None:
            raise ConnectionLost("the connection is closed", sent=False)
        self._reset(head_only=head_only, limit=limit, stream=stream)
        self.used += 1
        self._timeout_s, self._ahead_bytes, self._into = timeout_s, read_ahead_bytes, into
        self._enough_bytes = 1 if stream or patient else max(1, int(timeout_s * _SLOWEST_BYTES_S))
        answer: asyncio.Future[Response] = self.loop.create_future()
        self._answer = answer
        if body and len(body) < 16384:
            self.transport.write(data + body)
        else:
            self.transport.write(data)
            if body:
                self._rest, self.unsent = memoryview(body), True
                self._send_on()
        self._start_timer()
        return answer

    def _send_on(self) -> None:
        """Give the socket what it takes of the body; what is given at once, and not taken, asyncio would copy."""
        while self._rest is not None and self._full is None and self.transport is not None:
            piece, rest = self._rest[:_SENT_AT_ONCE_BYTES], self._rest[_SENT_AT_ONCE_BYTES:]
            self._rest = rest or None
            self.unsent = self._rest is not None
            self._given_bytes += len(piece)
            self.transport.write(piece)

    async def write(self, piece: bytes) -> None:
        """A piece of the body of the request under way (`unsent`), when there is room for it at the socket."""
        while self._full is not None:
            await self._full
        if not self.closed and self.transport is not None:
            self._given_bytes += len(piece)
            self.transport.write(piece)

    def close(self) -> None:
        """Close at once; what waits for an answer is told."""
        self._fail(ConnectionLost("the connection was closed", begun=self._read_bytes > 0))

    def pause(self) -> None:
        """Leave what comes next in the socket. A slow reader is no slow server: the timer stops."""
        if not self._paused and self.transport is not None and not self.closed:
            self._paused = True
            self._stop_timer()
            self.transport.pause_reading()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused and self.transport is not None and not self.closed:
            self._paused = False
            self.transport.resume_reading()
            self._start_timer()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection (TLS done) is there."""
        self.transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  the buffer is as large as it is
        """asyncio: where to read into."""
        if self._direct_end and self._into is not None:
            return self._into[self._size : self._direct_end]
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """asyncio: so many bytes were read."""
        if self._direct_end:
            self._read_bytes += nbytes
            self._size += nbytes
            if self._size == self._direct_end:
                self._complete(keep=self._keep)
            return
        self.received(self._buffer[:nbytes])
        if self._into is not None and self._head_done and not self._done:
            self._go_direct()

    def received(self, data: bytes | memoryview) -> None:
        """Parse what was read."""
        if self._answer is None and self._body is None:
            # Nobody asked: a server that speaks first (408 before it closes) is not to be trusted with a request.
            self._fail(BrokenAnswer("the server spoke unasked"))
            return
        self._read_bytes += len(data)
        if self._read_bytes > _MAX_BESIDE_BYTES + _MAX_FRAMING * self._size:
            self._fail(BrokenAnswer("the answer's head does not end, or there is little else"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            self._fail(BrokenAnswer(f"the answer is not HTTP/1.1 ({error})"))
        if self._unasked:
            self._fail(BrokenAnswer("the server said more than it was asked"))

    def pause_writing(self) -> None:
        """asyncio: the socket takes less than it is given."""
        if self._full is None:
            self._full = self.loop.create_future()

    def resume_writing(self) -> None:
        """asyncio: there is room again."""
        full, self._full = self._full, None
        if full is not None and not full.done():
            full.set_result(None)
        self._send_on()

    def eof_received(self) -> bool:
        """asyncio: the server will send nothing more; false closes the transport."""
        if self._until_eof and not self._done:
            self._complete(keep=False)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        if self._until_eof and not self._done and exc is None:
            self._complete(keep=False)
        said = f": {exc}" if exc else ""
        self._fail(ConnectionLost(f"the server closed the connection{said}", begun=self._read_bytes > 0))

    # What httptools calls

    def on_message_begin(self) -> None:
        """httptools: an answer begins; one that follows in the same read was not asked for."""
        self._unasked = self._done

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header; after the head they are trailers, which nothing here reads."""
        if self._head_done:
            return
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape")
        headers = self._headers
        headers[key] = f"{headers[key]},{text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """httptools: the head is whole."""
        if self._done:
            return
        status = self._parser.get_status_code()
        if status < 200:  # 100 Continue and its like: the answer proper follows
            self._headers = {}
            return
        self._head_done = True
        headers = self._headers
        self._status = status
        if self._into is not None:
            if status < 300:
                self._limit = min(self._limit, len(self._into))
            else:
                self._into = None  # an error is no content
        framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
        self._until_eof = not framed and status not in (204, 304) and not self._head_only
        length = headers.get("content-length", "")
        if self._head_only:
            keep = _keeps(headers, self._parser.get_http_version())
            # httptools would wait for the body that the length announces and that never comes.
            self._parser = httptools.HttpResponseParser(self)
            self._complete(keep=keep)
        elif self._stream and status < 300:
            self._body = Body(self, self._ahead_bytes)
            self._hand_over(Response(status, headers, stream=self._body))
        elif length and int(length) > self._limit:
            self._too_large()

    def on_body(self, data: bytes) -> None:
        """httptools: a piece of the body."""
        if self._done:
            self._unasked = True
        if self._done or not self._head_done:
            return
        self._size += len(data)
        if self._body is not None:
            self._body.put(bytes(data))
        elif self._size > self._limit:
            self._too_large()
        elif self._into is not None:
            self._into[self._size - len(data) : self._size] = data
        else:
            _gather(self._pieces, data)

    def on_message_complete(self) -> None:
        """httptools: the answer is whole."""
        if self._head_done and not self._done:
            self._complete(keep=self._parser.should_keep_alive() and not self._until_eof)

    def _go_direct(self) -> None:
        """Read what is left of the body to where it is wanted; the parser, which saw its beginning, is done with."""
        length = int(self._headers.get("content-length", 0))
        if "transfer-encoding" not in self._headers and length > self._size:
            self._direct_end = length
            self._keep = _keeps(self._headers, self._parser.get_http_version())
            self._parser = httptools.HttpResponseParser(self)

    # How an answer ends

    def _reset(self, *, head_only: bool, limit: int, stream: bool) -> None:
        self._head_only, self._limit, self._stream = head_only, limit, stream
        self._headers = {}
        self._pieces = []
        self._size = self._read_bytes = 0
        self._status = 0
        self._timeout_s = 0.0
        self._head_done = self._until_eof = self._done = self._unasked = False
        self._body = self._into = self._rest = None
        self.unsent = False
        self._given_bytes = self._direct_end = 0

    def _hand_over(self, response: Response) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _complete(self, *, keep: bool) -> None:
        self._done = True
        self._stop_timer()
        if self._body is not None:
            body, self._body = self._body, None
            body.end()
        else:
            pieces, self._pieces = self._pieces, []  # an idle connection keeps nothing
            put_bytes = self._size if self._into is not None else 0
            self._into, self._direct_end = None, 0
            self._hand_over(Response(self._status, self._headers, b"".join(pieces), put_bytes=put_bytes))
        if not keep or self.unsent:  # what is still to be sent would be taken for the next request
            self._shut()
        elif self._paused and self.transport is not None:
            # The last of it came while its reader was slow; the next request must not wait for that.
            self._paused = False
            self.transport.resume_reading()
        self._freed(self)

    def _fail(self, error: Exception) -> None:
        if self.closed:
            return
        self._stop_timer()
        self._shut()
        answer, self._answer = self._answer, None
        body, self._body = self._body, None
        self._done = True
        if body is not None:
            body.end(error)
        elif answer is not None and not answer.done():
            answer.set_exception(error)
        self._freed(self)

    def _shut(self) -> None:
        self.closed = True
        self._rest = self._into = None
        self._direct_end = 0
        self.resume_writing()
        if self.transport is not None:
            # abort: a TLS goodbye that is never answered would keep the socket
            self.transport.abort()

    def _too_large(self) -> None:
        self._fail(BrokenAnswer(f"the answer is larger than {self._limit:,} bytes"))

    # Time: one timer that looks back over a whole timeout, instead of one that is set anew at every read

    def _start_timer(self) -> None:
        assert self.transport is not None
        self._read_before = self._read_bytes
        self._unsent_before = self.transport.get_write_buffer_size() - self._given_bytes
        self._timer = self.loop.call_later(self._timeout_s, self._look_back)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_back(self) -> None:
        self._timer = None
        assert self.transport is not None
        unsent = self.transport.get_write_buffer_size() - self._given_bytes
        moved = self._unsent_before - unsent + self._read_bytes - self._read_before
        if moved >= self._enough_bytes:
            self._start_timer()
        else:
            self._fail(ConnectionLost(f"no answer within {self._timeout_s:g} s", begun=True, timed_out=True))


def _gather(pieces: list[bytes | bytearray], data: bytes) -> None:
    """Append; but tiny pieces grow together, as a list of them would take many times what they hold."""
    if len(data) < _TINY_BYTES and pieces and len(pieces[-1]) < _GATHERED_BYTES:
        last = pieces[-1]
        if not isinstance(last, bytearray):
            last = pieces[-1] = bytearray(last)
        last += data
    else:
        pieces.append(data)


def _keeps(headers: Mapping[str, str], version: str) -> bool:
    """Whether the connection outlives this answer."""
    said = headers.get("connection", "").lower()
    return "close" not in said and (version != "1.0" or "keep-alive" in said)
