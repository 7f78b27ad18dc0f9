"""What a copy does not carry by itself, asked for of each object: its ACL, its Object Lock, its website redirect.

S3 copies metadata and tags; it gives a copy the default ACL and lock of where it is put, and no redirect. A listing shows none of
them: a HEAD and a GetObjectAcl of each object do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from windlass.core import clock
from windlass.core.clock import parse_time
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.model import Attribute, BucketRef
from windlass.wire import s3
from windlass.wire.acls import bucket_acl, grant_headers, object_acl
from windlass.wire.client import Client

__all__ = ["AttributeReader", "carried_headers"]

_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
_HOLD = "x-amz-object-lock-legal-hold"
_REDIRECT = "x-amz-website-redirect-location"


@dataclass(frozen=True, slots=True)
class AttributeReader:
    """Asks the source. `owner` is the canonical id of who will own the copies; empty where that is the source's owner."""

    client: Client
    source: BucketRef
    what: frozenset[Attribute]
    owner: str = ""
    now: Callable[[], datetime] = clock.now

    @classmethod
    async def of(cls, sides: BucketPair, what: frozenset[Attribute]) -> Self:
        """The carrier of a pair. AccessDenied where ACLs are wanted and the destination's owner may not be asked for."""
        target, owner = sides.pair.destination, ""
        if Attribute.ACL in what and target.account_id:
            owner = (await sides.write.send(bucket_acl(target.bucket, owner=target.account_id))).owner
        return cls(sides.read, sides.pair.source, what, owner)

    async def headers(self, key: str, version_id: str = "", etag: str = "") -> Mapping[str, str]:
        """What the copy must say. Conflict when the object is not that of this ETag any more, NotFound when it is gone."""
        place = self.source

        async def told() -> Mapping[str, str]:
            if self.what <= {Attribute.ACL}:
                return {}
            call = s3.head(place.bucket, key, version_id=version_id, if_match=etag, owner=place.account_id)
            return carried_headers((await self.client.send(call)).headers, self.what, self.now())

        async def granted() -> Mapping[str, str]:
            if Attribute.ACL not in self.what:
                return {}
            call = object_acl(place.bucket, key, version_id=version_id, owner=place.account_id)
            return grant_headers(await self.client.send(call), owner=self.owner)

        one, other = await asyncio.gather(told(), granted())
        return {**one, **other}


def carried_headers(head: Mapping[str, str], what: frozenset[Attribute], now: datetime) -> dict[str, str]:
    """The lock and the redirect that a HEAD tells, as a copy takes them. A retention that is over is none: S3 takes no past date."""
    found: dict[str, str] = {}
    if Attribute.LOCK in what:
        if _MODE in head and _UNTIL in head and parse_time(head[_UNTIL]) > now:
            found |= {_MODE: head[_MODE], _UNTIL: head[_UNTIL]}
        if head.get(_HOLD) == "ON":
            found[_HOLD] = "ON"
    if Attribute.REDIRECT in what and head.get(_REDIRECT):
        found[_REDIRECT] = head[_REDIRECT]
    return found
