"""Which node a key belongs to: ketama as libmemcached and spymemcached have it, and modulo. Pure, exact.

Ketama (libmemcached's `MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA` with weights, `MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED`): a
server has 40 MD5 digests of `name-0` … `name-39`, each of which gives four points on a circle of 2^32; a key belongs to the
first point at or after its own hash. The shares computed here are of the circle itself, not of a sample of keys.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Naming", "Ring", "Server", "ketama", "key_hash", "moved_ketama", "moved_modulo", "owner_modulo", "shares"]

_CIRCLE = 2**32
_DIGESTS = 40
_PER_DIGEST = 4
_DEFAULT_PORT = 11211


class Naming(StrEnum):
    """How a client names a server's points; it must be the same in every client of a cluster."""

    LIBMEMCACHED = "libmemcached"
    SPYMEMCACHED = "spymemcached"


@dataclass(frozen=True, slots=True, order=True)
class Server:
    """A node's address."""

    host: str
    port: int = _DEFAULT_PORT

    def name(self, naming: Naming) -> str:
        """`10.0.0.1` (or `10.0.0.1:11212`); spymemcached: `/10.0.0.1:11211`."""
        if naming is Naming.SPYMEMCACHED:
            return f"/{self.host}:{self.port}"
        return self.host if self.port == _DEFAULT_PORT else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Ring:
    """The circle: points in order, and the server of each."""

    points: tuple[int, ...]
    owners: tuple[Server, ...]

    def owner(self, key: str | bytes) -> Server:
        """The server of a key."""
        return self.owner_at(key_hash(key))

    def owner_at(self, position: int) -> Server:
        """The server of the first point at or after `position`; after the last one the circle begins again."""
        at = bisect_left(self.points, position)
        return self.owners[at if at < len(self.points) else 0]


def key_hash(key: str | bytes) -> int:
    """A key's place on the circle: the first four bytes of its MD5, the lowest first."""
    return int.from_bytes(_md5(key)[:4], "little")


def ketama(
    servers: Sequence[Server], *, weights: Mapping[Server, int] | None = None, naming: Naming = Naming.LIBMEMCACHED
) -> Ring:
    """The circle of these servers; without weights all are alike. ValueError without a server."""
    if not servers:
        raise ValueError("a ring needs a server")
    total = sum(weights.values()) if weights else len(servers)
    found: list[tuple[int, int]] = []
    for number, server in enumerate(servers):
        share = (weights[server] if weights else 1) / total
        # libmemcached's own rounding, epsilon included: 160 points for the average server, in whole digests.
        digests = math.floor(share * _DIGESTS * len(servers) + 0.0000000001)
        name = server.name(naming)
        for at in range(digests):
            digest = _md5(f"{name}-{at}")
            found += [
                (int.from_bytes(digest[4 * part : 4 * part + 4], "little"), number) for part in range(_PER_DIGEST)
            ]
    found.sort()
    return Ring(tuple(point for point, _ in found), tuple(servers[number] for _, number in found))


def shares(ring: Ring) -> dict[Server, float]:
    """The part of all keys that each server has; they sum to 1."""
    found = dict.fromkeys(ring.owners, 0)
    before = ring.points[-1] - _CIRCLE
    for point, owner in zip(ring.points, ring.owners, strict=True):
        found[owner] += point - before
        before = point
    return {server: part / _CIRCLE for server, part in found.items()}


def moved_ketama(before: Ring, after: Ring) -> float:
    """The part of all keys that has another server on the second circle, 0 to 1."""
    moved, last = 0, 0
    for point in [*sorted({*before.points, *after.points}), _CIRCLE]:
        # Keys in (last, point] have no point of either circle between them, so they share both owners.
        if before.owner_at(point) != after.owner_at(point):
            moved += point - last
        last = point
    return moved / _CIRCLE


def owner_modulo(servers: Sequence[Server], position: int) -> Server:
    """The server of a hash for clients that take it modulo the number of servers, in the order of their list."""
    return servers[position % len(servers)]


def moved_modulo(before: Sequence[Server], after: Sequence[Server]) -> float:
    """The part of all keys that has another server: counted over one whole period of both divisions."""
    period = math.lcm(len(before), len(after))
    moved = sum(owner_modulo(before, at) != owner_modulo(after, at) for at in range(period))
    return moved / period


def _md5(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return hashlib.md5(data, usedforsecurity=False).digest()
