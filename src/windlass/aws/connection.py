"""One keep-alive connection of a thread: a blocking socket, read by the wire's receiver.

A thread of the collector waits for its response anyway. Passing the request to an event loop and the response back saves
no CPU (docs/benchmarks.md), so a thread uses its socket directly.
"""

from __future__ import annotations

import select
import socket
import time
from typing import Protocol

from windlass.wire.errors import BrokenResponse, ConnectionLost
from windlass.wire.model import Response
from windlass.wire.receiver import Receiver

__all__ = ["BlockingConnection", "Socket"]

_READ_BYTES = 64 * 1024
_SLOWEST_BYTES_S = 1024  # slower than this over the complete timeout counts as silent
_MAX_BODY_BYTES = 256 * 1024 * 1024


class Socket(Protocol):
    """A connected socket, with TLS or without."""

    def sendall(self, data: bytes, /) -> None:
        """Send everything, or raise OSError."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Return what arrived; empty at the end."""
        ...

    def settimeout(self, seconds: float, /) -> None:
        """Set how long one operation may take."""
        ...

    def fileno(self) -> int:
        """Return the file descriptor."""
        ...

    def close(self) -> None:
        """Close."""
        ...


class BlockingConnection:
    """A connection for one request at a time. Not thread-safe."""

    def __init__(self, connected: Socket | socket.socket, *, read_timeout_s: float) -> None:
        self._socket = connected
        self._timeout_s = read_timeout_s
        self._receiver = Receiver()
        self._receiver.set_owner(self)
        self._response: Response | None = None
        self._failure: BrokenResponse | None = None
        self.reusable = True
        self.used = 0
        self.idle_since_s = 0.0
        connected.settimeout(read_timeout_s)

    def exchange(self, request: bytes, *, head_only: bool) -> Response:
        """Send a request and return its response. ConnectionLost or BrokenResponse; the connection is then closed."""
        self.used += 1
        self._response = self._failure = None
        self._receiver.start(head_only=head_only, limit=_MAX_BODY_BYTES)
        try:
            response = self._exchange(request)
        except TimeoutError:
            self.close()
            message = f"no response within {self._timeout_s:g} s"
            raise ConnectionLost(message, begun=self._receiver.read_bytes > 0, timed_out=True) from None
        except OSError as error:
            self.close()
            raise ConnectionLost(str(error), begun=self._receiver.read_bytes > 0) from None
        except BaseException:
            self.close()
            raise
        if not self.reusable:
            self.close()
        return response

    def _exchange(self, request: bytes) -> Response:
        connected, receiver = self._socket, self._receiver
        connected.sendall(request)
        window_ends_s, window_bytes = time.monotonic() + self._timeout_s, 0
        while (response := self._outcome()) is None:
            data = connected.recv(_READ_BYTES)
            if not data:
                return self._end_of_stream()
            receiver.feed(data)
            if time.monotonic() > window_ends_s:
                if receiver.read_bytes - window_bytes < self._timeout_s * _SLOWEST_BYTES_S:
                    raise TimeoutError
                window_ends_s, window_bytes = time.monotonic() + self._timeout_s, receiver.read_bytes
        return response

    def _outcome(self) -> Response | None:
        """Return the response when it is complete. BrokenResponse when the bytes are not a response."""
        if self._failure is not None:
            raise self._failure
        return self._response

    def _end_of_stream(self) -> Response:
        """Return the response that ends with the connection. ConnectionLost when it was not complete."""
        self.reusable = False
        self._receiver.feed_eof()
        response = self._outcome()
        if response is None:
            raise ConnectionLost("the server closed the connection", begun=self._receiver.read_bytes > 0)
        return response

    def is_dropped(self) -> bool:
        """Return whether the server closed the idle connection, or sent unexpected bytes."""
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close at once."""
        self.reusable = False
        self._receiver.release()
        self._socket.close()

    # Callbacks of the receiver

    def on_head(self, response: Response) -> None:
        """Do nothing: no streamed response is requested here."""

    def on_complete(self, response: Response | None, *, keep: bool) -> None:
        """Keep the complete response."""
        self._response = response
        self.reusable = self.reusable and keep

    def on_failure(self, error: BrokenResponse) -> None:
        """Keep the reason why the bytes are not a response."""
        self._failure = error
        self._receiver.abort()
