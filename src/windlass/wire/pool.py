"""A connection pool for one host: kept alive, bounded, last used first, TLS verified, through a proxy where one is set."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from windlass.core.errors import ConfigError
from windlass.wire.connection import Connection
from windlass.wire.errors import ConnectionLost
from windlass.wire.pinned_connection import PinnedConnection
from windlass.wire.tls import TlsTransport

__all__ = ["Endpoint", "Pool", "Proxy", "open_tunnel", "read_endpoint", "read_proxy", "tls_context"]

_MAX_TUNNEL_BYTES = 16384
_IDLE_S = 20.0  # S3 closes idle connections a few seconds later


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect: host, port, TLS or not, and the `host` header's text."""

    host: str
    port: int
    tls: bool
    authority: str


def read_endpoint(url: str) -> Endpoint:
    """Read a URL. ConfigError when it is not an endpoint, or has a path, which would be ignored."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host = None, None
    if not host or parts.scheme not in ("http", "https") or parts.path not in ("", "/") or parts.query or "@" in url:
        shown = url.rpartition("@")[2]
        raise ConfigError(f"{shown!r} is not an endpoint", hint="Give a URL like https://sqs.eu-west-1.amazonaws.com.")
    tls = parts.scheme == "https"
    standard = 443 if tls else 80
    name = f"[{host}]" if ":" in host else host
    authority = name if port in (None, standard) else f"{name}:{port}"
    return Endpoint(host, port or standard, tls, authority)


@lru_cache(maxsize=8)
def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """Return a context that verifies with these certificates, or the system's. ConfigError when the file can't be used."""
    try:
        return ssl.create_default_context(cafile=ca_bundle or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificates in {ca_bundle} can't be used: {error}",
            hint="estate.ca_bundle (or AWS_CA_BUNDLE) must be a PEM file.",
        ) from None


class Pool:
    """At most `size` connections to one endpoint; the longest waiting caller is served first. For one event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        endpoint: Endpoint,
        buffer: memoryview,
        *,
        size: int,
        ca_bundle: str = "",
        proxy_url: str = "",
        connect_timeout_s: float = 5.0,
    ) -> None:
        self.endpoint = endpoint
        self._loop = loop
        self._buffer = buffer
        self._size = size
        self._tls = tls_context(ca_bundle) if endpoint.tls else None
        self._proxy = read_proxy(proxy_url, endpoint) if proxy_url else None
        self._connect_timeout_s = connect_timeout_s
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._detached: set[PinnedConnection] = set()
        self._slots = 0  # open connections, those being opened, and slots promised to waiters
        # A waiter is given a connection, or None: a slot to open one in.
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self.closed = False
        self.opened = 0

    def take(self) -> Connection | None:
        """Return an idle connection, the last used first; None when there is none."""
        oldest = self._loop.time() - _IDLE_S
        while self._idle:
            connection = self._idle.pop()
            if connection.closed:
                continue
            if connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    async def get(self) -> Connection:
        """Return an idle connection, a new one, or the next to be freed. ConnectionLost when none can be opened."""
        first = False
        while True:
            connection = self.take()
            if connection is not None:
                return connection
            if self._slots < self._size:
                self._slots += 1
                return await self._open()
            handed = await self._wait(first=first)
            if handed is None:
                return await self._open()
            if not handed.closed:
                return handed
            first = True  # it was closed before it arrived: keep the place in the queue

    async def detach(self, connection: PinnedConnection) -> None:
        """Open a connection that the pool neither hands out nor counts. ConnectionLost when it can't be opened."""
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await self._connect(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, (OSError, UnicodeError)):
                raise self._unreachable(error) from None
            raise
        self._detached = {pinned for pinned in self._detached if not pinned.closed} | {connection}
        self.opened += 1

    def give_back(self, connection: Connection) -> None:
        """Put back a connection that was taken and not used."""
        self._freed(connection)

    def drop_idle(self) -> None:
        """Close idle connections: when one was dead, the others may be."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close every connection; waiters get ConnectionLost."""
        self.closed = True
        for connection in tuple(self._all):  # closing one takes it out
            connection.close()
        for pinned in tuple(self._detached):
            pinned.close()
        self._detached.clear()
        self._idle.clear()

    async def _wait(self, *, first: bool) -> Connection | None:
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        if first:
            self._waiters.appendleft(waiter)
        else:
            self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                connection = waiter.result()
                if connection is None:
                    self._free_slot()
                elif not connection.closed:
                    self._freed(connection)
            raise

    def _freed(self, connection: Connection) -> None:
        if connection.closed:
            if connection in self._all:
                self._all.discard(connection)
                self._free_slot()
        elif not self._hand(connection):
            connection.idle_since = self._loop.time()
            self._idle.append(connection)

    def _free_slot(self) -> None:
        if not self._hand(None):
            self._slots -= 1

    def _hand(self, connection: Connection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    async def _open(self) -> Connection:
        """Open a connection in a slot that the caller has taken."""
        connection = Connection(self._loop, self._buffer, self._freed)
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await self._connect(connection)
        except BaseException as error:
            connection.close()
            self._free_slot()
            if isinstance(error, (OSError, UnicodeError)):  # TimeoutError is an OSError
                raise self._unreachable(error) from None
            raise
        self._all.add(connection)
        self.opened += 1
        return connection

    def _unreachable(self, error: OSError | UnicodeError) -> ConnectionLost:
        where = self.endpoint.authority
        if isinstance(error, TimeoutError):
            message = f"{where} did not accept a connection within {self._connect_timeout_s:g} s"
            return ConnectionLost(message, timed_out=True, sent=False)
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"its certificate is not trusted ({error.verify_message}); behind a TLS proxy, set estate.ca_bundle"
            return ConnectionLost(f"{where} can't be reached: {why}", sent=False)
        return ConnectionLost(f"{where} can't be reached: {str(error) or type(error).__name__}", sent=False)

    async def _connect(self, connection: Connection | PinnedConnection) -> None:
        self._check_open(connection)
        tls, secured = self._tls, None
        if tls is not None and isinstance(connection, PinnedConnection):  # its responses are small
            secured, tls = TlsTransport(self._loop, connection, tls, self.endpoint.host), None
        protocol = secured or connection
        name = self.endpoint.host if tls is not None else None
        if self._proxy is None:
            await self._loop.create_connection(
                lambda: protocol, self.endpoint.host, self.endpoint.port, ssl=tls, server_hostname=name
            )
        else:
            tunnel = await _tunnel(self._loop, self._proxy, self.endpoint)
            try:
                await self._loop.create_connection(lambda: protocol, sock=tunnel, ssl=tls, server_hostname=name)
            except BaseException:
                tunnel.close()
                raise
        if secured is not None:
            try:
                await secured.handshake_done
            except BaseException:
                secured.abort()
                raise
        transport = connection.transport
        raw_socket = transport.get_extra_info("socket") if transport is not None else None
        if raw_socket is not None and raw_socket.family != getattr(socket, "AF_UNIX", None):
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._check_open(connection)

    def _check_open(self, connection: Connection | PinnedConnection) -> None:
        if self.closed:
            raise ConnectionAbortedError("the client is closed")
        if connection.closed:
            raise ConnectionAbortedError("the connection was closed at once")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that carries TLS through CONNECT."""

    host: str
    port: int
    authorization: str = field(repr=False)


def read_proxy(url: str, endpoint: Endpoint) -> Proxy:
    """Read a proxy's URL. ConfigError when it is no http:// proxy, or the endpoint is plain HTTP."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ConfigError(
            f"a proxy of the kind {parts.scheme or 'unknown'}:// is not supported for {endpoint.authority}",
            hint="Name an http:// proxy in HTTPS_PROXY (it carries TLS through CONNECT), or the host in NO_PROXY.",
        )
    if not endpoint.tls:
        raise ConfigError(
            f"{endpoint.authority} is plain HTTP and would go through the proxy unprotected",
            hint="Name the host in NO_PROXY, or use an https:// endpoint.",
        )
    login = ""
    if parts.username is not None:
        text = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = "proxy-authorization: Basic " + base64.b64encode(text.encode()).decode() + "\r\n"
    return Proxy(parts.hostname, parts.port or 80, login)


async def _tunnel(loop: asyncio.AbstractEventLoop, proxy: Proxy, endpoint: Endpoint) -> socket.socket:
    """Return a socket to the endpoint through the proxy's CONNECT."""
    tunnel = await _reach(loop, proxy)
    try:
        await loop.sock_sendall(tunnel, _tunnel_request(proxy, endpoint))
        response = b""
        while b"\r\n\r\n" not in response and len(response) < _MAX_TUNNEL_BYTES:
            # One byte at a time: the server's TLS follows the head and must stay in the socket.
            piece = await loop.sock_recv(tunnel, 1)
            if not piece:
                break
            response += piece
        _check_tunnel(response)
    except BaseException:
        tunnel.close()
        raise
    return tunnel


def open_tunnel(connected: socket.socket, proxy: Proxy, endpoint: Endpoint) -> None:
    """Open the way to the endpoint on a blocking socket to the proxy. OSError when the proxy refuses."""
    connected.sendall(_tunnel_request(proxy, endpoint))
    response = b""
    while b"\r\n\r\n" not in response and len(response) < _MAX_TUNNEL_BYTES:
        piece = connected.recv(1)  # the server's TLS follows the head and must stay in the socket
        if not piece:
            break
        response += piece
    _check_tunnel(response)


def _tunnel_request(proxy: Proxy, endpoint: Endpoint) -> bytes:
    name = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    target = f"{name}:{endpoint.port}"
    return f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{proxy.authorization}\r\n".encode()


async def _reach(loop: asyncio.AbstractEventLoop, proxy: Proxy) -> socket.socket:
    """Return a socket to the proxy, at the first of its addresses that accepts."""
    problem = OSError("the proxy has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM):
        tunnel = socket.socket(family, kind, protocol)
        tunnel.setblocking(False)
        try:
            await loop.sock_connect(tunnel, address)
        except OSError as error:
            tunnel.close()
            problem = OSError(f"the proxy {proxy.host}:{proxy.port} can't be reached: {error}")
        except BaseException:
            tunnel.close()
            raise
        else:
            return tunnel
    raise problem


def _check_tunnel(response: bytes) -> None:
    if response.split(b" ", 2)[1:2] != [b"200"] or not response.endswith(b"\r\n\r\n"):
        status_line = response.partition(b"\r\n")[0].decode("latin-1")
        raise OSError(f"the proxy refused: {status_line}" if status_line else "the proxy closed the connection")
