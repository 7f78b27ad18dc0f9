"""The comparison of two listings: several listers work on ranges of keys, and a visitor receives the pages of both buckets.

Memory holds one or two pages of each range in progress. Pages are in key order within a range; ranges are in any order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from windlass.core.errors import AwsError
from windlass.replication.direct.listing.ranges import Range, Ranges, Split
from windlass.wire.listing import Listed

__all__ = ["Keyed", "List", "ListingVisitor", "Paged", "Pages", "compare_listings"]


class Keyed(Protocol):
    """A row of a listing: one per key."""

    @property
    def key(self) -> str:
        """The key by which rows are ordered."""


R = TypeVar("R", bound=Keyed)
R_co = TypeVar("R_co", bound=Keyed, covariant=True)
R_contra = TypeVar("R_contra", bound=Keyed, contravariant=True)


class Paged(Protocol[R_co]):
    """A page of rows in key order; `token` is empty on the last page."""

    @property
    def objects(self) -> Sequence[R_co]:
        """The rows."""

    @property
    def token(self) -> str:
        """The continuation token."""


Pages = Callable[[str], Awaitable[Paged[R]]]
"""Returns the page of keys after a given key."""
List = Pages[Listed]


class ListingVisitor(Protocol[R_contra]):
    """Receives the compared pages. Each call is awaited before its range continues."""

    async def on_page(self, of: Range, source: Sequence[R_contra], destination: Sequence[R_contra]) -> None:
        """Receive a page of the source, and the destination's keys up to its last key (at the range's end: up to that end)."""

    def on_split(self, split: Split) -> None:
        """Receive the split of a range into two."""

    def on_range_done(self, number: int) -> None:
        """Receive the number of a range that is listed to its end."""


@dataclass(slots=True)
class _Side(Generic[R]):
    """The destination's side of one range: keys that were read and not compared yet, and the last key read."""

    through: str
    rows: list[R] = field(default_factory=list)
    ended: bool = False
    first: asyncio.Future[Paged[R]] | None = None


async def compare_listings(
    ranges: Ranges,
    source: Pages[R],
    destination: Pages[R] | None,
    visitor: ListingVisitor[R],
    *,
    listers: int = 16,
    include_extra: bool = False,
) -> None:
    """List all `ranges`, and pass pages to the visitor. `include_extra` passes keys that only the destination has, too."""
    await _ListingComparison(ranges, source, destination, visitor, include_extra=include_extra).run(listers)


class _ListingComparison(Generic[R]):
    def __init__(
        self,
        ranges: Ranges,
        source: Pages[R],
        destination: Pages[R] | None,
        visitor: ListingVisitor[R],
        *,
        include_extra: bool,
    ) -> None:
        self._ranges, self._visitor = ranges, visitor
        self._source, self._destination = source, destination
        self._beyond = include_extra
        self._sides: dict[int, _Side[R]] = {}
        self._turn = asyncio.Condition()
        self._last: str | None = None  # the destination has no key after this one

    async def run(self, listers: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(listers):
                    group.create_task(self._list())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            for side in self._sides.values():
                if side.first is not None:
                    side.first.cancel()

    async def _list(self) -> None:
        while not self._ranges.done:
            key_range, cut = self._ranges.next()
            if key_range is None:
                async with self._turn:
                    await self._turn.wait()
                continue
            if cut is not None:
                self._visitor.on_split(cut)
            await self._step(key_range)
            async with self._turn:
                self._turn.notify_all()
        async with self._turn:
            self._turn.notify_all()

    async def _step(self, key_range: Range) -> None:
        side = self._side(key_range)
        page = _advancing(await self._source(key_range.after), key_range.after)
        rows = page.objects
        try:
            count = self._ranges.page(key_range, [row.key for row in rows], more=bool(page.token))
        except ValueError as error:
            raise AwsError(str(error), hint="Check that this is an S3 endpoint: S3 lists keys in order.") from None
        # No other lister may take the range before this page is compared.
        key_range.asked = True
        rows = rows if count == len(rows) else rows[:count]
        through = key_range.upto if key_range.done and self._beyond else (rows[-1].key if rows else key_range.after)
        there = await self._through(side, through) if side is not None else []
        await self._visitor.on_page(key_range, rows, there)
        key_range.asked = False
        # A range is done after its last page was visited: an end that is journaled earlier would lose that page.
        for number in (*([key_range.number] if key_range.done else []), *self._ranges.finished()):
            self._sides.pop(number, None)
            self._visitor.on_range_done(number)

    def _side(self, key_range: Range) -> _Side[R] | None:
        if self._destination is None:
            return None
        side = self._sides.get(key_range.number)
        if side is None:
            side = self._sides[key_range.number] = _Side(key_range.after)
        if not side.rows and not self._over(side) and side.first is None:
            side.first = asyncio.ensure_future(self._destination(side.through))
        return side

    def _over(self, side: _Side[R]) -> bool:
        return side.ended or (self._last is not None and side.through >= self._last)

    async def _through(self, side: _Side[R], through: str | None) -> list[R]:
        """Return the destination's keys up to `through` (None: all), and remove them from the side."""
        assert self._destination is not None
        while not self._over(side) and (through is None or side.through < through):
            request, side.first = side.first, None
            page = _advancing(await (request if request is not None else self._destination(side.through)), side.through)
            side.rows += page.objects
            if page.objects:
                side.through = page.objects[-1].key
            if not page.token:
                side.ended = True
                self._last = side.through if self._last is None else min(self._last, side.through)
        rows = side.rows
        if through is None or not rows or rows[-1].key <= through:
            side.rows = []
            return rows
        low, high = 0, len(rows)
        while low < high:
            middle = (low + high) // 2
            if rows[middle].key <= through:
                low = middle + 1
            else:
                high = middle
        side.rows = rows[low:]
        return rows[:low]


def _advancing(page: Paged[R], after: str) -> Paged[R]:
    """Return the page. AwsError when the listing is truncated and has no key to continue from."""
    if page.token and not page.objects:
        raise AwsError(
            f"a listing does not advance after {after!r}: a page has no keys and a continuation token",
            hint="Check that this is an S3 endpoint, and try again.",
        )
    return page
