"""The comparison of two buckets object by object, and a queue that passes compared keys to another thread."""

from __future__ import annotations

import asyncio
import queue
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import repeat

from windlass.core.errors import Interrupted
from windlass.replication.comparison import Compare
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.decisions import Decisions
from windlass.replication.direct.listing.evidence import Evidence, by_content
from windlass.replication.direct.listing.ranges import Range, Ranges, Split
from windlass.replication.direct.model import VerifyOptions, VerifyResult
from windlass.replication.model import Pair
from windlass.replication.own_keys import Candidate, others, own_prefixes
from windlass.wire.listing import Listed

__all__ = ["QueueVisitor", "verify_objects"]

_EXAMPLES = 5
_FULL_S = 0.01


class QueueVisitor:
    """A visitor that puts pages of candidates into a queue, and waits while the queue is full."""

    def __init__(
        self,
        decisions: Decisions,
        pair: Pair,
        pages: queue.Queue[Sequence[Candidate] | BaseException | None],
        stop: threading.Event,
    ) -> None:
        self._decisions, self._found, self._stop = decisions, pages, stop
        self._ours = own_prefixes(pair.prefix)

    async def on_page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Visitor: keys of both sides."""
        own_rows, there = others(source, self._ours), {row.key: row for row in others(destination, self._ours)}
        actions = await self._decisions.of(own_rows, there)
        triples = zip(own_rows, [there.pop(row.key, None) for row in own_rows] if there else repeat(None), actions)  # noqa: B905  endless
        rows = list(map(tuple.__new__, repeat(Candidate), triples))
        rows += [Candidate(None, row) for row in there.values()]
        while self._found.full():  # this is the only producer, so the room remains
            if self._stop.is_set():
                raise Interrupted("the listing was stopped")
            await asyncio.sleep(_FULL_S)
        self._found.put_nowait(rows)

    def on_split(self, split: Split) -> None:
        """Visitor: nothing to record."""

    def on_range_done(self, number: int) -> None:
        """Visitor: nothing to record."""


async def verify_objects(
    buckets: BucketPair,
    options: VerifyOptions,
    *,
    listers: int,
    stop: threading.Event,
    on_progress: Callable[[int], object],
) -> VerifyResult:
    """Compare both buckets by key, size and `options.by`.

    The content of `options.sample` objects, drawn from all that are or may be the same, is read on both sides.
    """
    comparison = _Comparison(buckets, stop, on_progress, by=options.by, sample=options.sample)
    await compare_listings(
        Ranges(prune=False),
        buckets.source_pages(),
        buckets.destination_pages(),
        comparison,
        listers=listers,
        include_extra=True,
    )
    await comparison.read_sample()
    return comparison.value()


class _Comparison:
    """Counts the objects that are the same, missing, different or extra. Different opaque ETags decide nothing."""

    def __init__(
        self,
        buckets: BucketPair,
        stop: threading.Event,
        on_progress: Callable[[int], object],
        *,
        by: Compare,
        sample: int,
    ) -> None:
        self._buckets, self._stop, self._tell = buckets, stop, on_progress
        self._evidence, self._sample = Evidence(buckets, by), sample
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._drawn: list[tuple[str, str]] = []
        self._seen = 0
        self._ours = own_prefixes(buckets.pair.prefix)

    async def on_page(self, of: Range, source: Sequence[Listed], destination: Sequence[Listed]) -> None:  # noqa: ARG002
        """Visitor: keys to compare."""
        self._check()
        there = {row.key: row for row in others(destination, self._ours)}
        both: list[tuple[Listed, Listed]] = []
        for row in others(source, self._ours):
            other = there.pop(row.key, None)
            if other is None:
                self._count("missing", row.key)
            else:
                both.append((row, other))
        for (row, _), verdict in zip(both, await self._evidence.verdicts(both), strict=True):
            self._count(str(verdict), row.key)
        for key in there:
            self._count("extra", key)
        self._tell(self._counts.total())

    async def read_sample(self) -> None:
        """Read the content of the drawn objects on both sides."""
        for kind, key in self._drawn:
            self._check()
            same = await by_content(self._buckets, key)
            self._counts[kind] -= 1
            self._counts["read"] += 1
            self._count("same" if same else "different", key, draw=False)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Interrupted(f"the comparison of {self._buckets.pair.title} was stopped")

    def on_split(self, split: Split) -> None:
        """Visitor: nothing to record."""

    def on_range_done(self, number: int) -> None:
        """Visitor: nothing to record."""

    def value(self) -> VerifyResult:
        """Return the result."""
        counts = self._counts
        return VerifyResult(
            objects=counts.total() - counts["extra"] - counts["read"],
            read=counts["read"],
            missing=counts["missing"],
            different=counts["different"],
            extra=counts["extra"],
            unknown=counts["unknown"],
            examples={kind: tuple(sorted(keys)[:_EXAMPLES]) for kind, keys in self._examples.items() if counts[kind]},
        )

    def _count(self, kind: str, key: str, *, draw: bool = True) -> None:
        self._counts[kind] += 1
        if kind in ("same", "unknown") and draw and self._sample:
            self._draw(kind, key)
        if kind != "same" and len(self._examples.setdefault(kind, [])) < _EXAMPLES:
            self._examples[kind].append(key)

    def _draw(self, kind: str, key: str) -> None:
        """Draw each key with the same probability (Vitter's algorithm R)."""
        self._seen += 1
        if len(self._drawn) < self._sample:
            self._drawn.append((kind, key))
        elif (at := random.randrange(self._seen)) < self._sample:  # noqa: S311  no secret
            self._drawn[at] = (kind, key)
