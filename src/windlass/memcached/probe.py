"""Queries to configuration endpoints and nodes over TCP, each bounded in time. protocol.py parses the replies."""

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
    CONFIG_COMMAND,
    LEGACY_CONFIG_COMMAND,
    STATS_COMMAND,
    ClusterConfig,
    MalformedReply,
    UnknownCommand,
    read_config,
    read_stats,
)
from windlass.memcached.ring import Server

__all__ = ["read_cluster_config", "read_node_counters", "read_node_stats"]

_BLOCK = 65536
_CONCURRENCY = 16

Answer = TypeVar("Answer")


def read_cluster_config(host: str, port: int, *, timeout_s: float, tls: bool = False) -> ClusterConfig:
    """Return the cluster's configuration by auto-discovery. AwsError when the endpoint does not answer or has none."""
    where = f"{host}:{port}"
    try:
        with _connected(host, port, timeout_s, tls=tls) as connection:
            try:
                return connection.query(CONFIG_COMMAND, read_config)
            except UnknownCommand:
                return connection.query(LEGACY_CONFIG_COMMAND, read_config)
    except UnknownCommand:
        raise AwsError(
            f"{where} has no cluster configuration",
            hint="Is it a configuration endpoint of ElastiCache for Memcached?",
        ) from None
    except (OSError, MalformedReply) as error:
        raise AwsError(
            f"{where}: auto-discovery failed: {_reason(error)}",
            hint="Nodes answer inside their VPC only. Run this command there, and check the security groups.",
        ) from None


def read_node_counters(host: str, port: int, *, timeout_s: float, tls: bool = False) -> Mapping[str, str]:
    """Return a node's counters. OSError, MalformedReply."""
    with _connected(host, port, timeout_s, tls=tls) as connection:
        return connection.query(STATS_COMMAND, read_stats)


def read_node_stats(cluster: Cluster, servers: Sequence[Server], *, timeout_s: float) -> tuple[NodeStats, ...]:
    """Return the counters of all these nodes, read concurrently. A node that does not answer has the reason in `error`."""
    nodes = {node.server: node for node in cluster.nodes}

    def ask(server: Server) -> NodeStats:
        node = nodes.get(server)
        blank = NodeStats(
            node_id=node.node_id if node else "", zone=node.zone if node else "", host=server.host, port=server.port
        )
        try:
            counters = read_node_counters(server.host, server.port, timeout_s=timeout_s, tls=cluster.tls)
        except (OSError, MalformedReply) as error:
            return replace(blank, error=_reason(error))
        return _filled(blank, counters)

    outcomes = map_bounded(ask, _unique(servers), limit=_CONCURRENCY, name="nodes")
    stats = [outcome.result for outcome in outcomes if outcome.result]
    return tuple(sorted(stats, key=lambda node: (node.node_id, node.host, node.port)))


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
    """A connection with one deadline for all its queries."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def query(self, command: bytes, parse: Callable[[bytes], Answer | None]) -> Answer:
        """Send a command and read until its reply is complete."""
        self._connection.settimeout(self._remaining_s())
        self._connection.sendall(command)
        data = b""
        while (response := parse(data)) is None:
            self._connection.settimeout(self._remaining_s())
            block = self._connection.recv(_BLOCK)
            if not block:
                raise MalformedReply("the connection was closed before the reply was complete")
            data += block
        return response

    def _remaining_s(self) -> float:
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("no complete reply in time")
        return remaining_s


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


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
