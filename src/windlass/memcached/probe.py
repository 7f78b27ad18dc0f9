"""Asking configuration endpoints and nodes over TCP, each for a bounded time. The reading is protocol.py's."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from windlass.core.errors import AwsError
from windlass.core.pool import map_bounded
from windlass.memcached.model import Cluster, NodeStats
from windlass.memcached.protocol import (
    ASK_CONFIG,
    ASK_OLD_CONFIG,
    ASK_STATS,
    ClusterConfig,
    MalformedReply,
    UnknownCommand,
    read_config,
    read_stats,
)
from windlass.memcached.ring import Server

__all__ = ["ask_config", "ask_nodes", "ask_stats"]

_BLOCK = 65536
_AT_ONCE = 16

Answer = TypeVar("Answer")


def ask_config(host: str, port: int, *, timeout_s: float, tls: bool = False) -> ClusterConfig:
    """The cluster's configuration as auto-discovery tells it. AwsError when nobody answers or nobody understands."""
    where = f"{host}:{port}"
    try:
        with _connected(host, port, timeout_s, tls=tls) as line:
            try:
                return line.ask(ASK_CONFIG, read_config)
            except UnknownCommand:
                return line.ask(ASK_OLD_CONFIG, read_config)
    except UnknownCommand:
        raise AwsError(
            f"{where} has no cluster configuration", hint="Is it a configuration endpoint of ElastiCache for Memcached?"
        ) from None
    except (OSError, MalformedReply) as error:
        raise AwsError(
            f"{where}: auto-discovery failed: {_said(error)}",
            hint="Nodes answer inside their VPC only: run this there (and check the security groups).",
        ) from None


def ask_stats(host: str, port: int, *, timeout_s: float, tls: bool = False) -> Mapping[str, str]:
    """A node's counters. OSError, MalformedReply."""
    with _connected(host, port, timeout_s, tls=tls) as line:
        return line.ask(ASK_STATS, read_stats)


def ask_nodes(cluster: Cluster, servers: Sequence[Server], *, timeout_s: float) -> tuple[NodeStats, ...]:
    """The counters of all these nodes, asked side by side; one that does not answer says why in `error`."""
    known = {node.server: node for node in cluster.nodes}

    def ask(server: Server) -> NodeStats:
        node = known.get(server)
        blank = NodeStats(
            node_id=node.node_id if node else "", zone=node.zone if node else "", host=server.host, port=server.port
        )
        try:
            counters = ask_stats(server.host, server.port, timeout_s=timeout_s, tls=cluster.tls)
        except (OSError, MalformedReply) as error:
            return replace(blank, error=_said(error))
        return _filled(blank, counters)

    found = [one.result for one in map_bounded(ask, _unique(servers), limit=_AT_ONCE, name="nodes") if one.result]
    return tuple(sorted(found, key=lambda one: (one.node_id, one.host, one.port)))


def _filled(blank: NodeStats, counters: Mapping[str, str]) -> NodeStats:
    def number(name: str) -> int:
        text = counters.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else 0

    return replace(
        blank,
        version=counters.get("version", ""),
        uptime_s=number("uptime"),
        gets=number("get_hits") + number("get_misses"),
        hits=number("get_hits"),
        sets=number("cmd_set"),
        evictions=number("evictions"),
        items=number("curr_items"),
        used_bytes=number("bytes"),
        limit_bytes=number("limit_maxbytes"),
        connections=number("curr_connections"),
    )


class _Connection:
    """A connection and the time by which everything on it must be done."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def ask(self, command: bytes, read: Callable[[bytes], Answer | None]) -> Answer:
        """Send a command and read until its answer is whole."""
        self._connection.settimeout(self._left())
        self._connection.sendall(command)
        data = b""
        while (answer := read(data)) is None:
            self._connection.settimeout(self._left())
            block = self._connection.recv(_BLOCK)
            if not block:
                raise MalformedReply("the connection was closed in mid-answer")
            data += block
        return answer

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer in time")
        return left


@contextlib.contextmanager
def _connected(host: str, port: int, timeout_s: float, *, tls: bool) -> Iterator[_Connection]:
    deadline = time.monotonic() + timeout_s
    with socket.create_connection((host, port), timeout=timeout_s) as plain:
        if not tls:
            yield _Connection(plain, deadline)
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as wrapped:
            yield _Connection(wrapped, deadline)


def _unique(servers: Iterable[Server]) -> list[Server]:
    return list(dict.fromkeys(servers))


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
