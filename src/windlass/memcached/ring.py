"""The node of a key, by ketama (as libmemcached and spymemcached implement it) and by modulo. Pure, exact.

Ketama (libmemcached's `MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA` with weights, `MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED`): a
server has 40 MD5 digests of `name-0` … `name-39`, each of which gives four points on a circle of 2^32; a key belongs to the
first point at or after its own hash. Shares are computed on the circle itself, not on a sample of keys.
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
    """The form of a server's points on the circle. All clients of a cluster must use the same."""

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
    """The circle: its points in order, and the server of each."""

    points: tuple[int, ...]
    owners: tuple[Server, ...]

    def owner(self, key: str | bytes) -> Server:
        """Return the server of a key."""
        return self.owner_at(key_hash(key))

    def owner_at(self, position: int) -> Server:
        """Return the server of the first point at or after `position`; after the last point, that of the first."""
        index = bisect_left(self.points, position)
        return self.owners[index if index < len(self.points) else 0]


def key_hash(key: str | bytes) -> int:
    """Return a key's position on the circle: the first four bytes of its MD5, little-endian."""
    return int.from_bytes(_md5(key)[:4], "little")


def ketama(
    servers: Sequence[Server], *, weights: Mapping[Server, int] | None = None, naming: Naming = Naming.LIBMEMCACHED
) -> Ring:
    """Return the circle of these servers, equal in weight unless `weights` are given. ValueError without a server."""
    if not servers:
        raise ValueError("a ring needs a server")
    total = sum(weights.values()) if weights else len(servers)
    points: list[tuple[int, int]] = []
    for number, server in enumerate(servers):
        share = (weights[server] if weights else 1) / total
        # libmemcached's own rounding, epsilon included: 40 digests (160 points) for the average server.
        digests = math.floor(share * _DIGESTS * len(servers) + 0.0000000001)
        name = server.name(naming)
        for at in range(digests):
            digest = _md5(f"{name}-{at}")
            points += [
                (int.from_bytes(digest[4 * part : 4 * part + 4], "little"), number) for part in range(_PER_DIGEST)
            ]
    points.sort()
    return Ring(tuple(point for point, _ in points), tuple(servers[number] for _, number in points))


def shares(ring: Ring) -> dict[Server, float]:
    """Return the share of keys that each server has; the shares sum to 1."""
    lengths = dict.fromkeys(ring.owners, 0)
    before = ring.points[-1] - _CIRCLE
    for point, owner in zip(ring.points, ring.owners, strict=True):
        lengths[owner] += point - before
        before = point
    return {server: length / _CIRCLE for server, length in lengths.items()}


def moved_ketama(before: Ring, after: Ring) -> float:
    """Return the share of keys, 0 to 1, whose server differs between the two circles."""
    moved_points, last = 0, 0
    for point in [*sorted({*before.points, *after.points}), _CIRCLE]:
        # No circle has a point inside (last, point], so all its keys have the same server on each circle.
        if before.owner_at(point) != after.owner_at(point):
            moved_points += point - last
        last = point
    return moved_points / _CIRCLE


def owner_modulo(servers: Sequence[Server], position: int) -> Server:
    """Return the server of a hash for clients that take it modulo the number of servers, in the order of their list."""
    return servers[position % len(servers)]


def moved_modulo(before: Sequence[Server], after: Sequence[Server]) -> float:
    """Return the share of keys, 0 to 1, whose server differs, counted over one period of both divisions."""
    period = math.lcm(len(before), len(after))
    moved_slots = sum(owner_modulo(before, at) != owner_modulo(after, at) for at in range(period))
    return moved_slots / period


def _md5(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return hashlib.md5(data, usedforsecurity=False).digest()
