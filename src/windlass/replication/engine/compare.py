"""Two sides compared by key, size and ETag; and what a walk finds, handed to another thread."""

from __future__ import annotations

import asyncio
import queue
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import repeat

from windlass.core.errors import Interrupted
from windlass.replication.engine.evidence import by_checksum, by_content
from windlass.replication.engine.ranges import Cut, Range, Ranges
from windlass.replication.engine.sides import Sides
from windlass.replication.engine.walk import walk
from windlass.replication.listing import OURS, Merged, others
from windlass.replication.model import Pair
from windlass.replication.movers.direct import Compared
from windlass.wire.listing import Listed

__all__ = ["Passed", "compare"]

_EXAMPLES = 5
_FULL_S = 0.01
_AT_ONCE = 32


class Passed:
    """A sink that puts pages of compared rows into a queue, and waits while it is full."""

    def __init__(
        self, pair: Pair, found: queue.Queue[Sequence[Merged] | BaseException | None], stop: threading.Event
    ) -> None:
        self._found, self._stop = found, stop
        self._ours = tuple({OURS, pair.prefix + OURS})

    async def page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Sink: keys of both sides."""
        mine, there = others(source, self._ours), {row.key: row for row in others(destination, self._ours)}
        pairs = zip(mine, [there.pop(row.key, None) for row in mine] if there else repeat(None))  # noqa: B905  endless
        rows = list(map(tuple.__new__, repeat(Merged), pairs))
        rows += [Merged(None, row) for row in there.values()]
        while self._found.full():  # nobody else puts, so that room stays room
            if self._stop.is_set():
                raise Interrupted("the listing was stopped")
            await asyncio.sleep(_FULL_S)
        self._found.put_nowait(rows)

    def cut(self, cut: Cut) -> None:
        """Sink: nothing to keep."""

    def end(self, number: int) -> None:
        """Sink: nothing to keep."""


async def compare(
    sides: Sides, *, listers: int, stop: threading.Event, tell: Callable[[int], object], checksums: bool = False, sample: int = 0
) -> Compared:  # fmt: skip
    """Compare both sides by key, size and ETag; where ETags differ, by S3's checksums (`checksums`).

    The content of `sample` objects, drawn from all that seem or may be the same, is read on both sides.
    """
    found = _Comparison(sides, stop, tell, checksums=checksums, sample=sample)
    await walk(
        Ranges(prune=False), sides.source_pages(), sides.destination_pages(), found, listers=listers, beyond=True
    )
    await found.read_sample()
    return found.value()


class _Comparison:
    """Counts what is the same and what is not; a difference of opaque ETags says nothing."""

    def __init__(
        self, sides: Sides, stop: threading.Event, tell: Callable[[int], object], *, checksums: bool, sample: int
    ) -> None:
        self._sides, self._stop, self._tell = sides, stop, tell
        self._checksums, self._sample = checksums, sample
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._drawn: list[tuple[str, str]] = []
        self._seen = 0
        self._ours = tuple({OURS, sides.pair.prefix + OURS})

    async def page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Sink: keys to compare."""
        self._check()
        there = {row.key: row for row in others(destination, self._ours)}
        unknown: list[str] = []
        for row in others(source, self._ours):
            kind = _kind(row, there.pop(row.key, None))
            if kind == "unknown" and self._checksums:
                unknown.append(row.key)
            else:
                self._count(kind, row.key)
        for first in range(0, len(unknown), _AT_ONCE):
            self._check()
            keys = unknown[first : first + _AT_ONCE]
            for key, same in zip(
                keys, await asyncio.gather(*[by_checksum(self._sides, key) for key in keys]), strict=True
            ):
                self._count("unknown" if same is None else "same" if same else "different", key)
        for key in there:
            self._count("extra", key)
        self._tell(self._counts.total())

    async def read_sample(self) -> None:
        """Read what was drawn, on both sides."""
        for kind, key in self._drawn:
            self._check()
            same = await by_content(self._sides, key)
            self._counts[kind] -= 1
            self._counts["read"] += 1
            self._count("same" if same else "different", key, draw=False)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Interrupted(f"the comparison of {self._sides.pair.title} was stopped")

    def cut(self, cut: Cut) -> None:
        """Sink: nothing to keep."""

    def end(self, number: int) -> None:
        """Sink: nothing to keep."""

    def value(self) -> Compared:
        """What was found."""
        counts = self._counts
        return Compared(
            objects=counts.total() - counts["extra"] - counts["read"], read=counts["read"], missing=counts["missing"],
            different=counts["different"],
            extra=counts["extra"], unknown=counts["unknown"],
            examples={kind: tuple(sorted(keys)[:_EXAMPLES]) for kind, keys in self._examples.items()},
        )  # fmt: skip

    def _count(self, kind: str, key: str, *, draw: bool = True) -> None:
        self._counts[kind] += 1
        if kind in ("same", "unknown"):
            if draw and self._sample:
                self._draw(kind, key)
        elif len(self._examples.setdefault(kind, [])) < _EXAMPLES:
            self._examples[kind].append(key)

    def _draw(self, kind: str, key: str) -> None:
        """Each of all keys is drawn with the same probability (Vitter's algorithm R)."""
        self._seen += 1
        if len(self._drawn) < self._sample:
            self._drawn.append((kind, key))
        elif (at := random.randrange(self._seen)) < self._sample:  # noqa: S311  no secret
            self._drawn[at] = (kind, key)


def _kind(source: Listed, destination: Listed | None) -> str:
    if destination is None:
        return "missing"
    if source.size_bytes != destination.size_bytes:
        return "different"
    return "same" if source.etag == destination.etag else "unknown"
