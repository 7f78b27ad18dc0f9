"""The keys of a pair's buckets without Windlass's own (manifests, reports, canaries: below `.windlass/`), and clients
to read them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from windlass.core.paging import LoopGuard
from windlass.estate.service import Estate
from windlass.replication.comparison import KeyAction
from windlass.replication.model import BucketRef
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient
from windlass.wire.listing import Listed, ListedVersion

__all__ = ["ARCHIVE_CLASSES", "OWN_PREFIX", "BucketClients", "Candidate", "others", "own_prefixes"]

OWN_PREFIX = ".windlass/"
"""Windlass writes below this prefix, at the top of a bucket or of a pair's prefix. `.windlass-x` is an ordinary key."""
ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


class Candidate(NamedTuple):
    """A key of one or both buckets, and what a seed does about it."""

    source: Listed | None
    destination: Listed | None
    action: KeyAction = KeyAction.SKIP


def own_prefixes(prefix: str) -> tuple[str, ...]:
    """Return the prefixes of Windlass's own keys in a pair with this prefix."""
    return tuple({OWN_PREFIX, prefix + OWN_PREFIX})


def others(rows: Sequence[Listed], ours: tuple[str, ...]) -> Sequence[Listed]:
    """Return the rows, which are in key order, without those whose keys begin with one of `ours`."""
    if not rows:
        return rows
    first, last = rows[0].key, rows[-1].key
    if all(last < prefix or (first > prefix and not first.startswith(prefix)) for prefix in ours):
        return rows  # most pages have no such key, which two comparisons show
    return [row for row in rows if not row.key.startswith(ours)]


class BucketClients:
    """Clients to S3 by account and region, opened on first use. Close them, or use it with `with`."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], BlockingClient] = {}

    def to(self, place: BucketRef, reader: str) -> BlockingClient:
        """Return the client to a bucket, as the bucket's account or as the reader."""
        key = (place.account_id or reader, place.region)
        with self._lock:
            if key not in self._open:
                self._open[key] = BlockingClient(self._estate.access(*key, "s3"))
            return self._open[key]

    def versions(self, place: BucketRef, prefix: str, reader: str) -> Iterator[ListedVersion]:
        """Yield every version and delete marker, key by key, the newest of a key first."""
        client, key, version = self.to(place, reader), "", ""
        guard = LoopGuard(f"the listing of {place.bucket}'s versions")
        while True:
            call = s3.list_versions(
                place.bucket, prefix=prefix, key_marker=key, version_marker=version, owner=place.account_id
            )
            page = client.send(call)
            yield from (version for version in page.versions if not version.key.startswith(own_prefixes(prefix)))
            key, version = page.key_marker, page.version_marker
            if not key:
                return
            guard.advance((key, version))

    def close(self) -> None:
        """Close all clients."""
        with self._lock:
            clients, self._open = list(self._open.values()), {}
        for client in clients:
            with contextlib.suppress(TimeoutError):
                client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
