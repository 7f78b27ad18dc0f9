"""Two sides compared by key, size and ETag; and what a walk finds, handed to another thread."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from windlass.core.errors import Interrupted
from windlass.replication.engine.ranges import Cut, Range, Ranges
from windlass.replication.engine.sides import Sides
from windlass.replication.engine.walk import walk
from windlass.replication.listing import OURS, Merged
from windlass.replication.model import Pair
from windlass.replication.movers.direct import Compared
from windlass.wire.listing import Listed

__all__ = ["Passed", "compare"]

_EXAMPLES = 5
_FULL_S = 0.01


class Passed:
    """A sink that puts pages of compared rows into a queue, and waits while it is full."""

    def __init__(
        self, pair: Pair, found: queue.Queue[Sequence[Merged] | BaseException | None], stop: threading.Event
    ) -> None:
        self._found, self._stop = found, stop
        self._ours = tuple({OURS, pair.prefix + OURS})

    async def page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Sink: keys of both sides."""
        there = {row.key: row for row in destination}
        rows = [Merged(row, there.pop(row.key, None)) for row in source if not row.key.startswith(self._ours)]
        rows += [Merged(None, row) for row in there.values() if not row.key.startswith(self._ours)]
        while self._found.full():  # nobody else puts, so that room stays room
            if self._stop.is_set():
                raise Interrupted("the listing was stopped")
            await asyncio.sleep(_FULL_S)
        self._found.put_nowait(rows)

    def cut(self, cut: Cut) -> None:
        """Sink: nothing to keep."""

    def end(self, number: int) -> None:
        """Sink: nothing to keep."""


async def compare(sides: Sides, *, listers: int, stop: threading.Event, tell: Callable[[int], object]) -> Compared:
    """Compare both sides by key, size and ETag."""
    found = _Comparison(sides.pair, stop, tell)
    await walk(
        Ranges(prune=False), sides.source_pages(), sides.destination_pages(), found, listers=listers, beyond=True
    )
    return found.value()


class _Comparison:
    """Counts what is the same and what is not; a difference of opaque ETags says nothing."""

    def __init__(self, pair: Pair, stop: threading.Event, tell: Callable[[int], object]) -> None:
        self._pair, self._stop, self._tell = pair, stop, tell
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._ours = tuple({OURS, pair.prefix + OURS})

    async def page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Sink: keys to compare."""
        if self._stop.is_set():
            raise Interrupted(f"the comparison of {self._pair.title} was stopped")
        there = {row.key: row for row in destination if not row.key.startswith(self._ours)}
        for row in source:
            if not row.key.startswith(self._ours):
                self._count(_kind(row, there.pop(row.key, None)), row.key)
        for key in there:
            self._count("extra", key)
        self._tell(self._counts.total())

    def cut(self, cut: Cut) -> None:
        """Sink: nothing to keep."""

    def end(self, number: int) -> None:
        """Sink: nothing to keep."""

    def value(self) -> Compared:
        """What was found."""
        counts = self._counts
        return Compared(
            objects=counts.total() - counts["extra"], missing=counts["missing"], different=counts["different"],
            extra=counts["extra"], unknown=counts["unknown"],
            examples={kind: tuple(sorted(keys)[:_EXAMPLES]) for kind, keys in self._examples.items()},
        )  # fmt: skip

    def _count(self, kind: str, key: str) -> None:
        self._counts[kind] += 1
        if kind not in ("same", "unknown") and len(self._examples.setdefault(kind, [])) < _EXAMPLES:
            self._examples[kind].append(key)


def _kind(source: Listed, destination: Listed | None) -> str:
    if destination is None:
        return "missing"
    if source.size_bytes != destination.size_bytes:
        return "different"
    return "same" if source.etag == destination.etag else "unknown"
