"""Idle connections by endpoint, for all threads of a process: a bounded number, however many endpoints are called."""

from __future__ import annotations

import socket
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass

from windlass.aws.connection import BlockingConnection
from windlass.wire.pool import Endpoint, open_tunnel, read_proxy, tls_context

__all__ = ["IDLE_CONNECTIONS", "ConnectFailed", "ConnectionPool", "NetworkOptions", "Route"]

IDLE_CONNECTIONS = 256
"""The most connections kept open; those of the least recently used endpoint are closed first. An estate has thousands of
endpoints, and a process is often limited to 1,024 files."""

_IDLE_S = 20.0  # just below the time after which AWS closes idle connections


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """Certificates and timeouts of every connection."""

    ca_bundle: str = ""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0


class ConnectFailed(Exception):
    """No connection could be opened; `cause` is the reason: TimeoutError, ssl.SSLError or another OSError."""

    def __init__(self, cause: Exception, *, at_proxy: bool = False) -> None:
        super().__init__(str(cause) or type(cause).__name__)
        self.cause = cause
        self.at_proxy = at_proxy


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and the proxy in front of it; empty for none."""

    endpoint: Endpoint
    proxy_url: str = ""


class ConnectionPool:
    """Connections of blocking sockets. A connection in use belongs to its thread and is never closed by another."""

    def __init__(self, options: NetworkOptions, *, limit: int | None = None) -> None:
        self._options = options
        self._limit = IDLE_CONNECTIONS if limit is None else limit
        self._lock = threading.Lock()
        self._idle: OrderedDict[Route, deque[BlockingConnection]] = OrderedDict()
        self._idle_count = 0
        self._closed = False
        self.opened = 0

    def __len__(self) -> int:
        return self._idle_count

    def take(self, route: Route) -> BlockingConnection:
        """Return an idle connection, the last used first, or a new one. ConnectFailed when none can be opened."""
        oldest_s = time.monotonic() - _IDLE_S
        while (connection := self._pop(route)) is not None:
            if connection.idle_since_s >= oldest_s and not connection.is_dropped():
                return connection
            connection.close()
        return self.open(route)

    def open(self, route: Route) -> BlockingConnection:
        """Return a new connection. ConnectFailed when it can't be opened."""
        self.opened += 1
        return BlockingConnection(_connect(route, self._options), read_timeout_s=self._options.read_timeout_s)

    def give_back(self, route: Route, connection: BlockingConnection) -> None:
        """Keep a connection for the next call if it is still usable."""
        if not connection.reusable:
            return
        connection.idle_since_s = time.monotonic()
        surplus: list[BlockingConnection] = []
        with self._lock:
            if self._closed:
                surplus.append(connection)
            else:
                self._idle.setdefault(route, deque()).append(connection)
                self._idle.move_to_end(route)
                self._idle_count += 1
                while self._idle_count > self._limit:
                    surplus.append(self._oldest())
        for idle in surplus:
            idle.close()

    def drop(self, route: Route) -> None:
        """Close an endpoint's idle connections: if one was dead, the others may be dead, too."""
        with self._lock:
            dropped = self._idle.pop(route, deque())
            self._idle_count -= len(dropped)
        for connection in dropped:
            connection.close()

    def close(self) -> None:
        """Close all idle connections. Connections returned later are closed, too."""
        with self._lock:
            self._closed = True
            routes = list(self._idle)
        for route in routes:
            self.drop(route)

    def _pop(self, route: Route) -> BlockingConnection | None:
        with self._lock:
            idle = self._idle.get(route)
            if not idle:
                return None
            connection = idle.pop()
            self._idle_count -= 1
            if not idle:
                del self._idle[route]
            return connection

    def _oldest(self) -> BlockingConnection:
        """Take the longest idle connection of the longest unused endpoint. The caller holds the lock."""
        route, idle = next(iter(self._idle.items()))
        connection = idle.popleft()
        self._idle_count -= 1
        if not idle:
            del self._idle[route]
        return connection


def _connect(route: Route, options: NetworkOptions) -> socket.socket:
    endpoint = route.endpoint
    proxy = read_proxy(route.proxy_url, endpoint) if route.proxy_url else None
    try:
        plain = socket.create_connection(
            (proxy.host, proxy.port) if proxy else (endpoint.host, endpoint.port), options.connect_timeout_s
        )
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(error, at_proxy=proxy is not None) from None
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if proxy is not None:
            try:
                open_tunnel(plain, proxy, endpoint)
            except OSError as error:
                raise ConnectFailed(error, at_proxy=True) from None
        if not endpoint.tls:
            return plain
        return tls_context(options.ca_bundle).wrap_socket(plain, server_hostname=endpoint.host)
    except (OSError, ValueError) as error:
        plain.close()
        raise ConnectFailed(error) from None
    except BaseException:
        plain.close()
        raise
