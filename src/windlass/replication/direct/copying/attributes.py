"""Attributes that S3 does not copy by itself, read from each object: its ACL, its Object Lock, its website redirect.

S3 copies metadata and tags. The copy gets the default ACL and lock of its bucket, and no redirect. Listings do not show
these attributes, so each object costs a HEAD and a GetObjectAcl.
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
    """Reads attributes from the source. `owner` is the canonical id of the copies' owner; empty when that is the
    source's owner.
    """

    client: Client
    source: BucketRef
    what: frozenset[Attribute]
    owner: str = ""
    now: Callable[[], datetime] = clock.now

    @classmethod
    async def of(cls, buckets: BucketPair, what: frozenset[Attribute]) -> Self:
        """Return the reader for a pair. AccessDenied when ACLs are requested and the destination's owner cannot be
        read.
        """
        target, owner = buckets.pair.destination, ""
        if Attribute.ACL in what and target.account_id:
            owner = (await buckets.write.send(bucket_acl(target.bucket, owner=target.account_id))).owner
        return cls(buckets.read, buckets.pair.source, what, owner)

    async def headers(self, key: str, version_id: str = "", etag: str = "") -> Mapping[str, str]:
        """Return the headers of the copy. Conflict when the object's ETag has changed, NotFound when the object no
        longer exists.
        """
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
    """Return the lock and redirect of a HEAD as headers of a copy. An expired retention is left out: S3 refuses past
    dates.
    """
    headers: dict[str, str] = {}
    if Attribute.LOCK in what:
        if _MODE in head and _UNTIL in head and parse_time(head[_UNTIL]) > now:
            headers |= {_MODE: head[_MODE], _UNTIL: head[_UNTIL]}
        if head.get(_HOLD) == "ON":
            headers[_HOLD] = "ON"
    if Attribute.REDIRECT in what and head.get(_REDIRECT):
        headers[_REDIRECT] = head[_REDIRECT]
    return headers
