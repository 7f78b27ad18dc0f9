"""How much there is to move: both sides counted page by page, for plans."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from windlass.replication.engine.ranges import Cut, Range
from windlass.replication.listing import FROZEN, OURS, lacks, others
from windlass.replication.model import MAX_COPY_BYTES, Pair, Volume
from windlass.wire.listing import Listed

__all__ = ["Measured"]

_size, _class = attrgetter("size_bytes"), attrgetter("storage_class")


class Measured:
    """A sink that counts what the source has, and what the destination lacks of it."""

    def __init__(self, pair: Pair) -> None:
        self._ours = tuple({OURS, pair.prefix + OURS})
        self._objects = self._bytes = self._missing = self._missing_bytes = 0
        self._large = self._large_bytes = self._frozen = 0

    async def page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Sink: keys of both sides."""
        rows = others(source, self._ours)
        size = sum(map(_size, rows))
        self._objects += len(rows)
        self._bytes += size
        if destination:
            there = {row.key: row for row in destination}
            rows = [row for row in rows if lacks(row, there.get(row.key))]
            size = sum(map(_size, rows))
        self._missing += len(rows)
        self._missing_bytes += size
        if size > MAX_COPY_BYTES:
            large = [row.size_bytes for row in rows if row.size_bytes > MAX_COPY_BYTES]
            self._large += len(large)
            self._large_bytes += sum(large)
        if not set(map(_class, rows)).isdisjoint(FROZEN):
            self._frozen += sum(row.storage_class in FROZEN for row in rows)

    def cut(self, cut: Cut) -> None:
        """Sink: nothing to keep."""

    def end(self, number: int) -> None:
        """Sink: nothing to keep."""

    def value(self) -> Volume:
        """What was counted."""
        return Volume(
            objects=self._objects, size_bytes=self._bytes, missing=self._missing, missing_bytes=self._missing_bytes,
            large=self._large, large_bytes=self._large_bytes, frozen=self._frozen,
        )  # fmt: skip
