"""Histories: a bucket's versions, key by key, in pages of complete histories that the comparison can split and merge
like keys.

S3 lists versions by key, the newest version of a key first, and a page may end between two versions of a key. Here a
page has complete histories only: the last key of a truncated page is left to the next page. If a page has only one key,
the listing continues after its last version. So a split between keys never separates the versions of one key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from windlass.core.paging import LoopGuard
from windlass.replication.direct.listing.comparison import Pages
from windlass.replication.model import BucketRef
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.listing import ListedVersion

__all__ = ["Histories", "History", "history_of", "list_histories"]


class History(NamedTuple):
    """A key's versions and delete markers, the oldest first."""

    key: str
    versions: Sequence[ListedVersion]


@dataclass(frozen=True, slots=True)
class Histories:
    """A page of histories in key order; `token` is empty on the last page."""

    objects: list[History]
    token: str


def list_histories(client: Client, place: BucketRef, prefix: str) -> Pages[History]:
    """Return the listing of a bucket's histories. Memory holds one page, or all versions of one key."""

    async def page(after: str) -> Histories:
        held: list[ListedVersion] = []
        key, version = after, ""
        guard = LoopGuard(f"the listing of {place.bucket}'s versions")
        while True:
            listing = await client.send(
                s3.list_versions(
                    place.bucket, prefix=prefix, key_marker=key, version_marker=version, owner=place.account_id
                )
            )
            # S3 leaves out the marker's own key unless a version is named. Other services may include it.
            rows = listing.versions
            held += rows if rows and rows[0].key > after else [row for row in rows if row.key > after]
            if not listing.key_marker:
                return Histories(_by_key(held), "")
            complete = next((at for at in reversed(range(len(held))) if held[at].key != held[-1].key), -1) + 1
            if complete:
                return Histories(_by_key(held[:complete]), "more")
            guard.advance((listing.key_marker, listing.version_marker))
            key, version = listing.key_marker, listing.version_marker

    return page


async def history_of(client: Client, place: BucketRef, key: str) -> History:
    """Return the current history of one key; it has no versions when the key does not exist."""
    held: list[ListedVersion] = []
    marker, version = "", ""
    guard = LoopGuard(f"the listing of {place.bucket}'s versions")
    while True:
        listing = await client.send(
            s3.list_versions(
                place.bucket, prefix=key, key_marker=marker, version_marker=version, owner=place.account_id
            )
        )
        held += [version for version in listing.versions if version.key == key]
        guard.advance((listing.key_marker, listing.version_marker))
        marker, version = listing.key_marker, listing.version_marker
        # The key sorts before all longer keys with the same beginning.
        if marker != key:
            return History(key, held[::-1])


def _by_key(rows: Iterable[ListedVersion]) -> list[History]:
    return [History(key, list(versions)[::-1]) for key, versions in groupby(rows, attrgetter("key"))]
