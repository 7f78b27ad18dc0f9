"""The contribution of one log file to the totals, stored with the file so that it can be subtracted again.

Reports read the totals (`client_use`, `client_count`, `client_bucket`). A file that was touched, replaced or read again
with more rules is replaced in the totals, never added twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from windlass.clients.model import ClientUse, FileRead
from windlass.clients.scan.aggregator import CountKey
from windlass.core.compression import compress, decompress

__all__ = ["Contribution", "TotalsShare", "pack_share", "unpack_share"]

_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Contribution:
    """The result of reading one file: its uses with their holders, its counts and the requests of each bucket."""

    file: FileRead
    uses: tuple[ClientUse, ...] = ()
    counts: Mapping[CountKey, int] = field(default_factory=dict)
    buckets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TotalsShare:
    """A file's share of the totals by row id. Values of `uses` are (requests, first seen, last seen)."""

    uses: Mapping[str, tuple[int, str, str]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    buckets: Mapping[str, int] = field(default_factory=dict)


def pack_share(share: TotalsShare) -> bytes:
    """Return the share as bytes: JSON by columns, compressed."""
    columns = {
        "ids": list(share.uses),
        "uses": [list(column) for column in zip(*share.uses.values(), strict=True)],
        "counts": [list(share.counts), list(share.counts.values())],
        "buckets": [list(share.buckets), list(share.buckets.values())],
    }
    return compress(orjson.dumps(columns), _LEVEL)


def unpack_share(body: bytes | None) -> TotalsShare:
    """Return the share that `pack_share` packed; an empty share for None."""
    if not body:
        return TotalsShare()
    columns = orjson.loads(decompress(body))
    uses: Iterable[tuple[int, str, str]] = zip(*columns["uses"], strict=True) if columns["uses"] else ()
    return TotalsShare(
        uses=dict(zip(columns["ids"], uses, strict=True)),
        counts=dict(zip(*columns["counts"], strict=True)),
        buckets=dict(zip(*columns["buckets"], strict=True)),
    )
