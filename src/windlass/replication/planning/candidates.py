"""The candidates of a manifest: keys for a batch job, and noncurrent versions, counted as they are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from windlass.core.errors import NotFound
from windlass.core.pool import map_bounded
from windlass.replication.archive import RestoreState, restore_state
from windlass.replication.comparison import KeyAction
from windlass.replication.model import BucketRef, Operation
from windlass.replication.own_keys import ARCHIVE_CLASSES, BucketClients, Candidate
from windlass.replication.seed.task import SeedTask
from windlass.wire import s3
from windlass.wire.listing import Listed, ListedVersion

__all__ = ["CandidateCounts", "IsRestored", "PeekedChunks", "Rows", "noncurrent", "restored_check", "wanted"]

Row = TypeVar("Row", Listed, ListedVersion)
IsRestored = Callable[[Collection[tuple[str, str]]], Collection[tuple[str, str]]]
"""Returns the archived (key, version id) that can be read because they are restored."""

_HEAD_BLOCK = 256
_HEADS_AT_ONCE = 32


@dataclass(slots=True)
class CandidateCounts:
    """Counts of a listing: rows for the batch job, their bytes, and objects that are too large for the job, or
    archived.
    """

    rows: int = 0
    size_bytes: int = 0
    large: int = 0
    archived: int = 0

    @property
    def summary(self) -> str:
        """Return the summary for people: the rows, and how many archived objects are in no manifest."""
        left_out = f", {self.archived:,} archived ones left out (not restored)" if self.archived else ""
        return f"{self.rows:,} objects listed{left_out}"


def wanted(
    rows: Iterable[Candidate], seed: SeedTask, tally: CandidateCounts, *, largest_bytes: int, is_restored: IsRestored
) -> Iterator[Listed]:
    """Yield the objects for a batch job: missing ones, unless archived or too large. For a function, yield all objects."""
    for row in _readable(_missing(rows, seed, tally, largest_bytes), tally, is_restored):
        tally.rows += 1
        tally.size_bytes += row.size_bytes
        yield row


def _missing(rows: Iterable[Candidate], seed: SeedTask, tally: CandidateCounts, largest_bytes: int) -> Iterator[Listed]:
    for row in rows:
        source = row.source
        if source is None or (seed.operation is not Operation.LAMBDA and row.action is not KeyAction.COPY):
            continue
        if seed.operation is Operation.COPY and source.size_bytes > largest_bytes:
            tally.large += 1
            continue
        yield source


def noncurrent(
    clients: BucketClients,
    seed: SeedTask,
    reader: str,
    tally: CandidateCounts,
    *,
    largest_bytes: int,
    is_restored: IsRestored,
) -> Iterator[ListedVersion]:
    """Yield the noncurrent versions, of each key the oldest first. Archived versions are included only if they are
    restored.
    """
    return _readable(_oldest_first(clients, seed, reader, largest_bytes), tally, is_restored)


def _oldest_first(clients: BucketClients, seed: SeedTask, reader: str, largest_bytes: int) -> Iterator[ListedVersion]:
    held: list[ListedVersion] = []
    for version in clients.versions(seed.pair.source, seed.pair.prefix, reader):
        if held and held[0].key != version.key:
            yield from reversed(held)
            held = []
        if not version.latest and not version.marker and version.size_bytes <= largest_bytes:
            held.append(version)
    yield from reversed(held)


def _readable(rows: Iterable[Row], tally: CandidateCounts, is_restored: IsRestored) -> Iterator[Row]:
    """Yield the readable rows, in order, and count the archived ones. Their restore states are read a block at a time."""
    source = iter(rows)
    while block := list(islice(source, _HEAD_BLOCK)):
        archived = {_identity(row) for row in block if row.storage_class in ARCHIVE_CLASSES}
        left_out = archived - set(is_restored(archived)) if archived else archived
        tally.archived += len(left_out)
        yield from (row for row in block if _identity(row) not in left_out)


def _identity(row: Listed | ListedVersion) -> tuple[str, str]:
    return row.key, row.version_id if isinstance(row, ListedVersion) else ""


def restored_check(clients: BucketClients, place: BucketRef, reader: str) -> IsRestored:
    """Return a function that reads restore states by HEADs, several at a time. A missing object is not restored; other
    errors are raised.
    """
    client = clients.to(place, reader)

    def is_readable(item: tuple[str, str]) -> bool:
        try:
            head = client.send(s3.head(place.bucket, item[0], version_id=item[1], owner=place.account_id))
        except NotFound:
            return False
        return restore_state(head.headers) is RestoreState.READABLE

    def check(items: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        restored: list[tuple[str, str]] = []
        for outcome in map_bounded(is_readable, items, limit=_HEADS_AT_ONCE, name="restored"):
            if outcome.error is not None:
                raise outcome.error
            if outcome.result:
                restored.append(outcome.item)
        return restored

    return check


class PeekedChunks:
    """Chunks whose first one is read early, to know whether there are any."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._rest = iter(chunks)
        self._first = next(self._rest, None)
        self.any = self._first is not None

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            yield self._first
        yield from self._rest


class Rows:
    """Manifest rows, counted while they pass. `versions` is True when the first one has a version id."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.count = 0
        self.versions = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if not self.count:
                self.versions = chunk.partition(b"\n")[0].count(b",") > 1
            self.count += chunk.count(b"\n")
            yield chunk
