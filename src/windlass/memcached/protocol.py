"""A parser of the replies of nodes and configuration endpoints. Sans-IO; the bytes are untrusted.

An incomplete reply is None; bytes that cannot begin a reply raise MalformedReply. Source: "Adding Auto Discovery to your client
library" (ElastiCache user guide) and memcached's doc/protocol.txt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from windlass.memcached.ring import Server

__all__ = [
    "CONFIG_COMMAND",
    "LEGACY_CONFIG_COMMAND",
    "STATS_COMMAND",
    "ClusterConfig",
    "MalformedReply",
    "UnknownCommand",
    "read_config",
    "read_stats",
]

CONFIG_COMMAND = b"config get cluster\r\n"
"""For engines from 1.4.14 on."""
LEGACY_CONFIG_COMMAND = b"get AmazonElastiCache:cluster\r\n"
"""For older engines, which keep the same text under a key."""
STATS_COMMAND = b"stats\r\n"

_MAX_REPLY_BYTES = 1 << 20
_HEAD = re.compile(rb"(?:CONFIG cluster|VALUE AmazonElastiCache:cluster) (\d{1,10}) (\d{1,7})\r\n")
_MAX_PORT = 65535


class MalformedReply(Exception):
    """The bytes are not a reply to the command."""


class UnknownCommand(Exception):
    """The server does not know the command, or has no configuration: try the other command."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """A cluster's configuration; `version` increases with every node that is added or removed."""

    version: int
    nodes: tuple[ConfigNode, ...]


@dataclass(frozen=True, slots=True)
class ConfigNode:
    """A node as `host|ip|port`; host or ip may be missing."""

    host: str
    address: str
    port: int

    @property
    def server(self) -> Server:
        """The server as clients put it on their ring: by its host name, else by its address."""
        return Server(self.host or self.address, self.port)


def read_config(data: bytes) -> ClusterConfig | None:
    """Return the configuration in a reply; None while it is not complete. UnknownCommand, MalformedReply."""
    if len(data) > _MAX_REPLY_BYTES:
        raise MalformedReply("the reply is longer than 1 MiB")
    if _starts_with(data, b"ERROR\r\n", b"END\r\n"):
        raise UnknownCommand
    end = data.find(b"\r\n")
    if end < 0:
        return None
    head = _HEAD.match(data)
    if head is None:
        raise MalformedReply(f"the reply is not a configuration: {_excerpt(data[:end])}")
    size = int(head[2])
    body = data[head.end() : head.end() + size]
    tail = data[head.end() + size : head.end() + size + 7]
    if not b"\r\nEND\r\n".startswith(tail):
        raise MalformedReply("the configuration does not have the length that it declares")
    return _config(body) if len(tail) == 7 else None


def read_stats(data: bytes) -> Mapping[str, str] | None:
    """Return the counters in a reply; None while it is not complete. MalformedReply."""
    if len(data) > _MAX_REPLY_BYTES:
        raise MalformedReply("the reply is longer than 1 MiB")
    counters: dict[str, str] = {}
    start = 0
    while (end := data.find(b"\r\n", start)) >= 0:
        line = data[start:end]
        if line == b"END":
            return counters
        word, _, rest = line.partition(b" ")
        name, _, value = rest.partition(b" ")
        if word != b"STAT" or not name:
            raise MalformedReply(f"the reply has a line that is not a counter: {_excerpt(line)}")
        counters[name.decode("ascii", "replace")] = value.decode("ascii", "replace")
        start = end + 2
    return None


def _config(body: bytes) -> ClusterConfig:
    lines = body.decode("ascii", "replace").split("\n")
    version = lines[0].strip()
    if not version.isascii() or not version.isdigit() or len(lines) < 2:
        raise MalformedReply(f"the configuration has no version: {_excerpt(body)}")
    return ClusterConfig(int(version), tuple(_node(word) for word in lines[1].split()))


def _node(word: str) -> ConfigNode:
    parts = word.split("|")
    if len(parts) != 3 or not (parts[0] or parts[1]) or not (parts[2].isascii() and parts[2].isdigit()):
        raise MalformedReply(f"the configuration has a malformed node: {_excerpt(word.encode())}")
    port = int(parts[2][:6])
    if not 0 < port <= _MAX_PORT:
        raise MalformedReply(f"the configuration has a malformed port: {parts[2][:12]}")
    return ConfigNode(parts[0], parts[1], port)


def _starts_with(data: bytes, *lines: bytes) -> bool:
    return any(data.startswith(line) for line in lines)


def _excerpt(data: bytes) -> str:
    return repr(data[:60])[2:-1]
