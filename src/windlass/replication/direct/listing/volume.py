"""The volume of a plan: both buckets, counted page by page."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from windlass.replication.comparison import BY_ETAG, ContentVerdict, Criteria, KeyAction, action_for, compare_listed
from windlass.replication.direct.listing.ranges import Range, Split
from windlass.replication.model import MAX_COPY_BYTES, Pair, Volume
from windlass.replication.own_keys import ARCHIVE_CLASSES, others, own_prefixes
from windlass.wire.listing import Listed

__all__ = ["VolumeVisitor"]

_size, _class = attrgetter("size_bytes"), attrgetter("storage_class")


class VolumeVisitor:
    """A visitor that counts the source's objects, and those that the destination is missing."""

    def __init__(self, pair: Pair, criteria: Criteria = BY_ETAG) -> None:
        self._criteria, self._unclear = criteria, 0
        self._ours = own_prefixes(pair.prefix)
        self._objects = self._bytes = self._missing = self._missing_bytes = 0
        self._large = self._large_bytes = self._frozen = 0

    async def on_page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Visitor: keys of both sides."""
        rows = others(source, self._ours)
        size = sum(map(_size, rows))
        self._objects += len(rows)
        self._bytes += size
        if destination:
            there = {row.key: row for row in destination}
            rows = [row for row in rows if self._lacks(row, there.get(row.key))]
            size = sum(map(_size, rows))
        self._missing += len(rows)
        self._missing_bytes += size
        if size > MAX_COPY_BYTES:
            large = [row.size_bytes for row in rows if row.size_bytes > MAX_COPY_BYTES]
            self._large += len(large)
            self._large_bytes += sum(large)
        if not set(map(_class, rows)).isdisjoint(ARCHIVE_CLASSES):
            self._frozen += sum(row.storage_class in ARCHIVE_CLASSES for row in rows)

    def _lacks(self, row: Listed, there: Listed | None) -> bool:
        """True when a seed would copy the row. When a listing does not decide, the row counts as undecided: the seed
        sends a HEAD.
        """
        verdict = ContentVerdict.UNKNOWN if there is None else compare_listed(row, there, self._criteria.by)
        action = action_for(row, there, verdict, self._criteria)
        if there is not None and action is not KeyAction.COPY:
            self._unclear += verdict is not ContentVerdict.SAME
        return action is KeyAction.COPY

    def on_split(self, split: Split) -> None:
        """Visitor: nothing to record."""

    def on_range_done(self, number: int) -> None:
        """Visitor: nothing to record."""

    def value(self) -> Volume:
        """Return the counts."""
        return Volume(
            objects=self._objects,
            size_bytes=self._bytes,
            missing=self._missing,
            missing_bytes=self._missing_bytes,
            large=self._large,
            large_bytes=self._large_bytes,
            archived=self._frozen,
            undecided=self._unclear,
        )
