"""The share of keys that a change of nodes moves to another node. Pure."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from windlass.memcached.model import Node
from windlass.memcached.ring import Ring, Server, ketama, moved_ketama, moved_modulo

__all__ = ["NO_MOVEMENT", "KeyMovement", "NamedServer", "Rings", "expected_server", "named_servers"]

_SAMPLED_RINGS = 12  # computed when the addresses of new nodes are unknown
_DEFAULT_PORT = 11211

NamedServer = tuple[str, Server | None]
"""A node id and its server; None while the node has no known address."""


@dataclass(frozen=True, slots=True)
class KeyMovement:
    """The share of keys, 0 to 1, whose node changes, by the hashing of the clients.

    `ketama_spread` is the standard deviation of the ketama share over rings of random addresses; 0 when all addresses
    are known.
    """

    ketama: float
    modulo: float
    ketama_spread: float = 0.0


NO_MOVEMENT = KeyMovement(0.0, 0.0)


class Rings:
    """The rings of a plan. Nodes without a known address get random ones, in several samples."""

    def __init__(self, present: Sequence[Node]) -> None:
        self._port = next((node.port for node in present if node.port), _DEFAULT_PORT)
        self._cache: dict[tuple[Server, ...], Ring] = {}

    def movement(self, before: Sequence[NamedServer], after: Sequence[NamedServer]) -> KeyMovement:
        """Return the movement of keys between two sets of nodes, each in the order of the clients' lists."""
        addresses_known = all(server is not None for _, server in [*before, *after])
        shares = [
            moved_ketama(self._ring(before, sample), self._ring(after, sample))
            for sample in range(1 if addresses_known else _SAMPLED_RINGS)
        ]
        modulo = moved_modulo([Server(node_id) for node_id, _ in before], [Server(node_id) for node_id, _ in after])
        return KeyMovement(statistics.fmean(shares), modulo, statistics.stdev(shares) if len(shares) > 1 else 0.0)

    def _ring(self, nodes: Sequence[NamedServer], sample: int) -> Ring:
        servers = tuple(server or Server(f"node-{node_id}-{sample}", self._port) for node_id, server in nodes)
        if servers not in self._cache:
            self._cache[servers] = ketama(servers)
        return self._cache[servers]


def named_servers(nodes: Sequence[Node]) -> list[NamedServer]:
    """Return the ids and servers of nodes, sorted by id."""
    return [(node.node_id, node.server) for node in sorted(nodes, key=lambda node: node.node_id)]


def expected_server(present: Sequence[Node], node_id: str) -> Server | None:
    """Return the address that AWS will give a new node; None when the present addresses do not show a pattern.

    The addresses of a cluster differ only in the node id: `web.x1.0001.use1.cache…`.
    """
    for node in present:
        if node.host and f".{node.node_id}." in node.host:
            return Server(re.sub(rf"\.{node.node_id}\.", f".{node_id}.", node.host, count=1), node.port)
    return None
