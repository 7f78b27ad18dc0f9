"""One keep-alive connection: HTTP/1.1, one request at a time. Its receiver reads responses, its timer ends silences.

All connections of a loop share one buffer: what is read is parsed before the next read begins. A large body moves without
being copied: what arrives is read to where it is wanted (`Call.into`), what is sent is given to the socket piece by piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from windlass.wire.body import Body
from windlass.wire.errors import BrokenResponse, ConnectionLost
from windlass.wire.model import Response
from windlass.wire.receiver import BUFFER_BYTES, Receiver
from windlass.wire.timer import SilenceTimer

__all__ = ["Connection", "Waiting", "shared_buffer"]

_SENT_AT_ONCE_BYTES = 256 * 1024
_JOINED_BYTES = 16 * 1024  # a smaller body goes to the socket together with its head
# A body that arrives slower than this, over the complete timeout, counts as silence.
_SLOWEST_BYTES_S = 1024


def shared_buffer() -> memoryview:
    """Return a buffer for all connections of one loop."""
    return memoryview(bytearray(BUFFER_BYTES))


class Waiting(Protocol):
    """What waits for a response: a future, or a pinned connection."""

    def done(self) -> bool:
        """Return whether nothing waits any more."""
        ...

    def set_result(self, result: Response, /) -> None:
        """Take the response."""
        ...

    def set_exception(self, exception: Exception, /) -> None:
        """Take the reason why there is none."""
        ...


class Connection(asyncio.BufferedProtocol):
    """A connection and what waits for its response.

    `freed(connection)` is called when it can take the next request, or is closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        buffer: memoryview,
        freed: Callable[[Connection], None],
        *,
        timer: SilenceTimer | None = None,
        receiver: Receiver | None = None,
    ) -> None:
        self.loop = loop
        self._buffer = buffer
        self._freed = freed
        self._timer = timer or SilenceTimer(loop)
        self._receiver = receiver or Receiver()
        self._receiver.set_owner(self)
        self.transport: asyncio.Transport | None = None
        self._paused = False
        self.closed = False
        self.used = 0
        self.idle_since = 0.0
        self.unsent = False  # part of the request's body is still to be sent
        self._rest: memoryview | None = None  # that part, when it is here
        self._given_bytes = 0
        self._full: asyncio.Future[None] | None = None
        self._pending: Waiting | None = None

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
        """Send one request and return a future of its response. With `stream` it is set with the head, its body in `stream`.

        `into` is where a success's body goes. `timeout_s` is how long nothing may move, the request's body included;
        `patient` counts a single blank as movement. ConnectionLost when it is closed already.
        """
        assert self._pending is None
        if self.closed or self.transport is None:
            raise ConnectionLost("the connection is closed", sent=False)
        open_body = (lambda: Body(self, read_ahead_bytes)) if stream else None
        self._receiver.start(head_only=head_only, limit=limit, into=into, open_body=open_body)
        self._rest, self.unsent, self._given_bytes = None, False, 0
        self.used += 1
        pending: asyncio.Future[Response] = self.loop.create_future()
        self._pending = pending
        if body and len(body) < _JOINED_BYTES:
            self.transport.write(data + body)
        else:
            self.transport.write(data)
            if body:
                self._rest, self.unsent = memoryview(body), True
                self._send_on()
        enough_bytes = 1 if stream or patient else max(1, int(timeout_s * _SLOWEST_BYTES_S))
        self._timer.set(self, timeout_s, enough_bytes)
        self._timer.start()
        return pending

    def expect(self, waiting: Waiting, *, limit: int) -> None:
        """Expect a response to a request that was written to the transport by its caller, who watches the time, too."""
        self._receiver.start(head_only=False, limit=limit)
        self._pending = waiting

    def _send_on(self) -> None:
        """Send as much of the body as the socket accepts; asyncio would copy the part that it cannot send at once."""
        while self._rest is not None and self._full is None and self.transport is not None:
            piece, rest = self._rest[:_SENT_AT_ONCE_BYTES], self._rest[_SENT_AT_ONCE_BYTES:]
            self._rest = rest or None
            self.unsent = self._rest is not None
            self._given_bytes += len(piece)
            self.transport.write(piece)

    async def write(self, piece: bytes) -> None:
        """Write a piece of the body of the request under way (`unsent`), when the socket has room for it."""
        while self._full is not None:
            await self._full
        if not self.closed and self.transport is not None:
            self._given_bytes += len(piece)
            self.transport.write(piece)

    def close(self, error: Exception | None = None) -> None:
        """Close at once; what waits for a response gets `error`, by default ConnectionLost."""
        self._fail(error or ConnectionLost("the connection was closed", begun=self._receiver.read_bytes > 0))

    def pause(self) -> None:
        """Leave what comes next in the socket. A slow reader is no slow server: the timer stops."""
        if not self._paused and self.transport is not None and not self.closed:
            self._paused = True
            self._timer.stop()
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read from the socket again."""
        if self._paused and self.transport is not None and not self.closed:
            self._paused = False
            self.transport.resume_reading()
            self._timer.start()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is made, TLS included."""
        self.transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  the buffer has a fixed size
        """asyncio: where to read into."""
        return self._receiver.buffer(self._buffer)

    def buffer_updated(self, nbytes: int) -> None:
        """asyncio: so many bytes were read."""
        if self._receiver.direct_end:
            self._receiver.advance(nbytes)
        else:
            self.received(self._buffer[:nbytes])

    def received(self, data: bytes | memoryview) -> None:
        """Parse what was read."""
        if self._pending is None and self._receiver.body is None:
            # A server that sends first (408 before it closes) must not receive a request.
            self._fail(BrokenResponse("the server sent a response without a request"))
            return
        self._receiver.feed(data)

    def pause_writing(self) -> None:
        """asyncio: the socket takes less than it is given."""
        if self._full is None:
            self._full = self.loop.create_future()

    def resume_writing(self) -> None:
        """asyncio: the socket has room again."""
        full, self._full = self._full, None
        if full is not None and not full.done():
            full.set_result(None)
        self._send_on()

    def eof_received(self) -> bool:
        """asyncio: the server will send nothing more; false closes the transport."""
        self._receiver.feed_eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection was lost."""
        if exc is None:
            self._receiver.feed_eof()
        detail = f": {exc}" if exc else ""
        self._fail(ConnectionLost(f"the server closed the connection{detail}", begun=self._receiver.read_bytes > 0))

    # What the receiver calls

    def on_head(self, response: Response) -> None:
        """Hand over a response whose body follows as a stream."""
        pending, self._pending = self._pending, None
        if pending is not None and not pending.done():
            pending.set_result(response)

    def on_complete(self, response: Response | None, *, keep: bool) -> None:
        """Hand over a complete response (None: it was handed over with its head), and free or close the connection."""
        self._timer.stop()
        if response is not None:
            self.on_head(response)
        if not keep or self.unsent:  # what is still to be sent would be taken for the next request
            self._shut()
        elif self._paused and self.transport is not None:
            # The last of it came while its reader was slow; the next request must not wait for that.
            self._paused = False
            self.transport.resume_reading()
        self._freed(self)

    def on_failure(self, error: BrokenResponse) -> None:
        """Close: the bytes are no response."""
        self._fail(error)

    # What the timer calls

    def moved_bytes(self) -> int:
        """Return how many bytes the socket took and gave."""
        waiting_bytes = self.transport.get_write_buffer_size() if self.transport is not None else 0
        return self._given_bytes - waiting_bytes + self._receiver.read_bytes

    def on_silence(self, timeout_s: float) -> None:
        """Close: too little moved within the timeout."""
        self._fail(ConnectionLost(f"no response within {timeout_s:g} s", begun=True, timed_out=True))

    def _fail(self, error: Exception) -> None:
        if self.closed:
            return
        self._timer.stop()
        body = self._receiver.abort()
        self._shut()
        pending, self._pending = self._pending, None
        if body is not None:
            body.end(error)
        elif pending is not None and not pending.done():
            pending.set_exception(error)
        self._freed(self)

    def _shut(self) -> None:
        self.closed = True
        self._rest = None
        self._receiver.release()
        self.resume_writing()
        if self.transport is not None:
            # abort: a TLS goodbye that is never answered would keep the socket
            self.transport.abort()
