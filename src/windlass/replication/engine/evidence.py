"""Whether two objects of one size and different ETags are the same: by the checksums that S3 keeps, or by their content."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from hashlib import sha256

from windlass.core.errors import AwsError, WindlassError
from windlass.replication.engine.sides import Sides
from windlass.replication.model import Place
from windlass.wire import s3
from windlass.wire.door import Door
from windlass.wire.errors import ConnectionLost
from windlass.wire.s3 import Head

__all__ = ["ASKED", "by_checksum", "by_content", "sums_of"]

_SUM = re.compile(r"x-amz-checksum-(?:crc32|crc32c|crc64nvme|sha1|sha256)")
ASKED = {"x-amz-checksum-mode": "ENABLED"}
"""The header that makes S3 tell checksums."""


async def by_checksum(sides: Sides, key: str) -> bool | None:
    """Whether both sides' checksums of one kind are equal; None where they have none in common, or one can't be read."""
    try:
        here, there = await asyncio.gather(
            _sums(sides.read, sides.pair.source, key), _sums(sides.look, sides.pair.destination, key)
        )
    except WindlassError:
        return None
    both = here.keys() & there.keys()
    # A sum of parts' sums says nothing beside a sum of the whole, nor beside one of other parts.
    return all(here[name] == there[name] for name in both) if both else None


async def by_content(sides: Sides, key: str) -> bool:
    """Whether the content is the same, byte for byte: both are read whole, in constant memory."""
    here, there = await asyncio.gather(
        _digest(sides.read, sides.pair.source, key), _digest(sides.look, sides.pair.destination, key)
    )
    return here == there


async def _sums(door: Door, place: Place, key: str) -> Mapping[tuple[str, str], str]:
    return sums_of(await door(s3.head(place.bucket, key, headers=ASKED, owner=place.account_id)))


def sums_of(head: Head) -> Mapping[tuple[str, str], str]:
    """The checksums that S3 keeps of an object, by kind and by what they are of: the whole, or so many parts."""
    kind = head.headers.get("x-amz-checksum-type", "")
    found = {(name, kind): text for name, text in head.headers.items() if _SUM.fullmatch(name)}
    return {
        (name, f"{kind}{text.rpartition('-')[2] if '-' in text else ''}"): text for (name, kind), text in found.items()
    }


async def _digest(door: Door, place: Place, key: str) -> str:
    digest = sha256()
    try:
        async with door.stream(s3.get(place.bucket, key, owner=place.account_id)) as (_, pieces):
            async for piece in pieces:
                digest.update(piece)
    except ConnectionLost as lost:
        raise AwsError(f"{place.bucket}: reading {key!r} was cut off ({lost})", hint="Verify again.") from None
    return digest.hexdigest()
