"""Routes: the host, path, region, connection pool and signer of each bucket's requests."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from windlass.core.access import Access
from windlass.core.errors import UsageError
from windlass.wire.connection import shared_buffer
from windlass.wire.pool import Pool, read_endpoint
from windlass.wire.sigv4 import Signer

__all__ = ["Route", "RouteTable"]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
# What fits one label of a host name, and so the wildcard of S3's certificate; other names go into the path.
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a bucket's requests go; `prefix` comes before their path."""

    region: str
    prefix: str
    pool: Pool
    signer: Signer


class RouteTable:
    """The routes of one service; it learns which buckets are in other regions."""

    def __init__(self, loop: asyncio.AbstractEventLoop, access: Access, *, connections: int) -> None:
        self._loop = loop
        self._access = access
        self._connections = connections or access.max_connections
        self.buffer = shared_buffer()
        read_endpoint(access.endpoint_url)
        self._virtual = access.service == "s3" and not access.path_style
        self._known: dict[str, Route] = {}
        self._pools: dict[str, Pool] = {}
        self._signers: dict[str, Signer] = {}
        self.closed = False

    def find(self, bucket: str) -> Route:
        """Return a bucket's route, or the service's own for an empty name. UsageError when it is not a bucket's name."""
        route = self._known.get(bucket)
        return route if route is not None else self.learn(bucket, self._access.region)

    def learn(self, bucket: str, region: str) -> Route:
        """Record the bucket's region; return its route."""
        if bucket and not _BUCKET.fullmatch(bucket):
            raise UsageError(f"{bucket[:300]!r} is not a bucket's name", hint="Name an access point by its alias.")
        home = region == self._access.region
        url = self._access.endpoint_url if home else self._access.regional_endpoint(region) or self._access.endpoint_url
        virtual = self._virtual and _LABEL.fullmatch(bucket) is not None
        if virtual:
            scheme, _, rest = url.partition("://")
            url = f"{scheme}://{bucket}.{rest}"
        signer = self._signers.setdefault(region, Signer(self._access.service, region))
        route = Route(region, f"/{bucket}" if bucket and not virtual else "", self._pool(url), signer)
        self._known[bucket] = route
        return route

    def opened(self) -> int:
        """Return how many connections were opened so far."""
        return sum(pool.opened for pool in self._pools.values())

    def close(self) -> None:
        """Close every connection and open no more."""
        self.closed = True
        for pool in self._pools.values():
            pool.close()

    def _pool(self, url: str) -> Pool:
        pool = self._pools.get(url)
        if pool is None:
            access = self._access
            pool = self._pools[url] = Pool(
                self._loop,
                read_endpoint(url),
                self.buffer,
                size=self._connections,
                ca_bundle=access.ca_bundle,
                proxy_url=access.proxy_url,
                connect_timeout_s=access.connect_timeout_s,
            )
            pool.closed = self.closed
        return pool
