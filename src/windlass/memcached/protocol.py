"""What nodes and configuration endpoints say, read from bytes as they come: no sockets here, and no trust.

A reply is complete or it is not (None); what can't be a reply is MalformedReply. Source: "Adding Auto Discovery to your client
library" (ElastiCache user guide) and memcached's doc/protocol.txt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from windlass.memcached.ring import Server

__all__ = [
    "ASK_CONFIG",
    "ASK_OLD_CONFIG",
    "ASK_STATS",
    "ClusterConfig",
    "MalformedReply",
    "UnknownCommand",
    "read_config",
    "read_stats",
]

ASK_CONFIG = b"config get cluster\r\n"
"""Engines from 1.4.14 on."""
ASK_OLD_CONFIG = b"get AmazonElastiCache:cluster\r\n"
"""Older engines keep the same text under a key."""
ASK_STATS = b"stats\r\n"

_LARGEST = 1 << 20
_HEAD = re.compile(rb"(?:CONFIG cluster|VALUE AmazonElastiCache:cluster) (\d{1,10}) (\d{1,7})\r\n")
_HIGHEST_PORT = 65535


class MalformedReply(Exception):
    """The bytes are not an answer to what was asked."""


class UnknownCommand(Exception):
    """The server does not know the command (or has no configuration): ask the other way."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """A cluster's configuration: it counts up with every node that comes or goes."""

    version: int
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """`host|ip|port`; either of the first two may be missing."""

    host: str
    address: str
    port: int

    @property
    def server(self) -> Server:
        """Its name, as clients put it on their ring; the address where it has none."""
        return Server(self.host or self.address, self.port)


def read_config(data: bytes) -> ClusterConfig | None:
    """The configuration in a reply, None while it is not complete. UnknownCommand, MalformedReply."""
    if len(data) > _LARGEST:
        raise MalformedReply("the answer does not end")
    if _begins(data, b"ERROR\r\n", b"END\r\n"):
        raise UnknownCommand
    end = data.find(b"\r\n")
    if end < 0:
        return None
    head = _HEAD.match(data)
    if head is None:
        raise MalformedReply(f"not a configuration: {_shown(data[:end])}")
    size = int(head[2])
    body = data[head.end() : head.end() + size]
    tail = data[head.end() + size : head.end() + size + 7]
    if not b"\r\nEND\r\n".startswith(tail):
        raise MalformedReply("the configuration is not as long as it says")
    return _config(body) if len(tail) == 7 else None


def read_stats(data: bytes) -> Mapping[str, str] | None:
    """The counters in a reply, None while it is not complete. MalformedReply."""
    if len(data) > _LARGEST:
        raise MalformedReply("the answer does not end")
    found: dict[str, str] = {}
    start = 0
    while (end := data.find(b"\r\n", start)) >= 0:
        line = data[start:end]
        if line == b"END":
            return found
        word, _, rest = line.partition(b" ")
        name, _, value = rest.partition(b" ")
        if word != b"STAT" or not name:
            raise MalformedReply(f"not a counter: {_shown(line)}")
        found[name.decode("ascii", "replace")] = value.decode("ascii", "replace")
        start = end + 2
    return None


def _config(body: bytes) -> ClusterConfig:
    lines = body.decode("ascii", "replace").split("\n")
    version = lines[0].strip()
    if not version.isascii() or not version.isdigit() or len(lines) < 2:
        raise MalformedReply(f"a configuration without a version: {_shown(body)}")
    return ClusterConfig(int(version), tuple(_node(word) for word in lines[1].split()))


def _node(word: str) -> Node:
    parts = word.split("|")
    if len(parts) != 3 or not (parts[0] or parts[1]) or not (parts[2].isascii() and parts[2].isdigit()):
        raise MalformedReply(f"not a node: {_shown(word.encode())}")
    port = int(parts[2][:6])
    if not 0 < port <= _HIGHEST_PORT:
        raise MalformedReply(f"not a port: {parts[2][:12]}")
    return Node(parts[0], parts[1], port)


def _begins(data: bytes, *lines: bytes) -> bool:
    return any(data.startswith(line) for line in lines)


def _shown(data: bytes) -> str:
    return repr(data[:60])[2:-1]
