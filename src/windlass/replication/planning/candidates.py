"""What goes into a manifest: the keys a batch job is for, noncurrent versions, rows counted on their way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from windlass.replication.comparison import Action
from windlass.replication.model import Operation, Seed
from windlass.replication.own_keys import ARCHIVE_CLASSES, Candidate, Clients
from windlass.wire.listing import Listed

__all__ = ["CandidateCounts", "PeekedChunks", "Rows", "noncurrent", "wanted"]


@dataclass(slots=True)
class CandidateCounts:
    """What was listed: rows for the batch job, their bytes, and objects that are too large for it."""

    rows: int = 0
    size_bytes: int = 0
    large: int = 0


def wanted(rows: Iterable[Candidate], seed: Seed, tally: CandidateCounts, *, largest_bytes: int) -> Iterator[Listed]:
    """Objects for a batch job: what is missing, unless it is archived or too large for it; of a function's, all."""
    for row in rows:
        source = row.source
        if source is None or source.storage_class in ARCHIVE_CLASSES:
            continue
        if seed.operation is not Operation.LAMBDA and row.action is not Action.COPY:
            continue
        if seed.operation is Operation.COPY and source.size_bytes > largest_bytes:
            tally.large += 1
            continue
        tally.rows += 1
        tally.size_bytes += source.size_bytes
        yield source


def noncurrent(clients: Clients, seed: Seed, reader: str, *, largest_bytes: int) -> Iterator[tuple[str, str]]:
    """(key, version) of what is not current, of each key the oldest first: copies are new versions in that order."""
    held: list[tuple[str, str]] = []
    for one in clients.versions(seed.pair.source, seed.pair.prefix, reader):
        if held and held[0][0] != one.key:
            yield from reversed(held)
            held = []
        if not one.latest and not one.marker and one.size_bytes <= largest_bytes:
            held.append((one.key, one.version_id))
    yield from reversed(held)


class PeekedChunks:
    """Chunks of which the first was looked at: whether there are any."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._rest = iter(chunks)
        self._first = next(self._rest, None)
        self.any = self._first is not None

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            yield self._first
        yield from self._rest


class Rows:
    """Manifest rows that are counted on their way; `versions` tells whether the first one has a version id."""

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
