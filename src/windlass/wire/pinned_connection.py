"""A connection that one pipeline of copies keeps: a usual response is recognised where it arrives, without a parser.

It hands anything else to the Connection inside it, which parses it as any response.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, TypeVar

from windlass.wire.connection import Connection
from windlass.wire.errors import ConnectionLost
from windlass.wire.model import Response

__all__ = ["TIMEOUT_CHECK_S", "ConnectionOwner", "Copy", "PinnedConnection"]

TIMEOUT_CHECK_S = 1.0
"""How often a pipeline calls `check_timeout`."""
_MAX_BODY_BYTES = 64 * 1024
_BEGINS, _LENGTH, _ENDS = b"http/1.1 200 ok\r\n", b"\r\ncontent-length: %d\r\n", b"</CopyObjectResult>"

T = TypeVar("T")
Copy = tuple[T, str, str, str]
"""A copy to send: the sender's token, the key, its ETag and the storage class that the copy asks for."""


class ConnectionOwner(Protocol):
    """The owner that a pinned connection reports to."""

    loop: asyncio.AbstractEventLoop

    def on_copied(self, connection: PinnedConnection) -> None:
        """A copy was made; the connection can take the next request."""
        ...

    def on_response(self, connection: PinnedConnection, response: Response) -> None:
        """A response came that was not recognised at once."""
        ...

    def on_lost(self, connection: PinnedConnection, error: Exception) -> None:
        """No response came."""
        ...

    def on_freed(self, connection: PinnedConnection) -> None:
        """The connection can take the next request, or is closed."""
        ...


# A plain protocol: loops that can (uvloop) give it its bytes ready made, which is quicker than a buffer.
class PinnedConnection(asyncio.Protocol):
    """A connection of one pipeline; `copy` is the one under way. The pipeline checks its time."""

    def __init__(self, pipeline: ConnectionOwner, buffer: memoryview) -> None:
        self._pipeline = pipeline
        self._connection = Connection(pipeline.loop, buffer, self._on_freed)
        self.closed = False
        self.transport: asyncio.Transport | None = None
        self.copy: Copy[Any] | None = None
        self.silent_checks = 0
        self._seen: tuple[Copy[Any] | None, int] = (None, 0)
        self._parsed_bytes = 0  # of the response under way: 0 until one is not recognised at once

    def expect(self, copy: Copy[Any]) -> None:
        """Expect the response to this copy, which the caller writes to the transport."""
        self.copy = copy
        self._parsed_bytes = 0

    def close(self, error: Exception | None = None) -> None:
        """Close at once; a copy under way is reported as lost."""
        self._connection.close(error)

    def check_timeout(self, timeout_s: float) -> None:
        """Close the connection when nothing moved for `timeout_s`."""
        if self.copy is None:
            return
        copy, parsed_bytes = self._seen
        self.silent_checks = self.silent_checks + 1 if copy is self.copy and parsed_bytes == self._parsed_bytes else 0
        self._seen = (self.copy, self._parsed_bytes)
        if self.silent_checks * TIMEOUT_CHECK_S > timeout_s:
            self.close(ConnectionLost(f"no response within {timeout_s:g} s", begun=True, timed_out=True))

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is made, TLS included."""
        self._connection.connection_made(transport)
        self.transport = self._connection.transport

    def data_received(self, data: bytes) -> None:
        """asyncio: what was read; a complete response that says that the copy was made needs no parser."""
        if self._parsed_bytes == 0 and self.copy is not None and _is_copied(data):
            self._pipeline.on_copied(self)
            return
        if self.copy is not None and self._parsed_bytes == 0:
            self._connection.expect(self, limit=_MAX_BODY_BYTES)
        self._parsed_bytes += len(data)
        self._connection.received(data)

    def pause_writing(self) -> None:
        """asyncio: the socket takes less than it is given."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """asyncio: the socket has room again."""
        self._connection.resume_writing()

    def eof_received(self) -> bool:
        """asyncio: the server will send nothing more; false closes the transport."""
        return self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection was lost."""
        self._connection.connection_lost(exc)

    # As what waits for the response (connection.Waiting)

    def done(self) -> bool:
        """Return False: a pipeline does not give up waiting."""
        return False

    def set_result(self, result: Response, /) -> None:
        """Report a response that was not recognised at once."""
        self._pipeline.on_response(self, result)

    def set_exception(self, exception: Exception, /) -> None:
        """Report that no response came."""
        self._pipeline.on_lost(self, exception)

    def _on_freed(self, connection: Connection) -> None:
        self.closed = connection.closed
        if self.closed and self.copy is not None:  # sent, and nothing of its response came
            self._pipeline.on_lost(self, ConnectionLost("the connection was closed"))
        self._pipeline.on_freed(self)


def _is_copied(data: bytes) -> bool:
    """Return whether this is one complete response that says that a copy was made, on a connection that lives on."""
    if not data.endswith(_ENDS):
        return False
    end = data.find(b"\r\n\r\n")
    head = data[: end + 2].lower()
    # `find`, since `in` first tries its operand as a number, and drops an exception.
    return (
        head.startswith(_BEGINS)
        and head.find(_LENGTH % (len(data) - end - 4)) >= 0
        and head.find(b"transfer-encoding") < 0
        and head.find(b"connection: close") < 0
    )
