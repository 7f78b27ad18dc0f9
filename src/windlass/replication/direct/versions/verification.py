"""The comparison of two buckets version by version: missing versions of each history, in order, and extra versions."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from windlass.core.errors import Interrupted
from windlass.replication.comparison import Compare
from windlass.replication.direct.bucket_pair import BucketPair
from windlass.replication.direct.listing.comparison import compare_listings
from windlass.replication.direct.listing.ranges import Range, Ranges, Split
from windlass.replication.direct.model import VerifyOptions, VerifyResult
from windlass.replication.direct.versions.histories import History, list_histories
from windlass.replication.direct.versions.operations import closer, kept
from windlass.replication.direct.versions.sequence import Outlook, compare_histories, settle, telling
from windlass.replication.own_keys import own_prefixes
from windlass.wire.listing import ListedVersion

__all__ = ["verify_versions"]

_EXAMPLES = 5


async def verify_versions(
    buckets: BucketPair,
    options: VerifyOptions,
    *,
    listers: int,
    stop: threading.Event,
    on_progress: Callable[[int], object],
) -> VerifyResult:
    """Compare every version, and with `options.delete_markers` every delete marker.

    A version that the destination does not have is missing. A version below a newer one of the destination's own is
    different. A version about which neither ETags nor checksums decide is unknown.
    """
    pair = buckets.pair
    comparison = _Comparison(buckets, stop, on_progress, by=options.by, markers=options.delete_markers)
    source = list_histories(buckets.read, pair.source, pair.prefix)
    destination = list_histories(buckets.look, pair.destination, pair.prefix)
    await compare_listings(Ranges(prune=False), source, destination, comparison, listers=listers, include_extra=True)
    return comparison.value()


class _Comparison:
    def __init__(
        self,
        buckets: BucketPair,
        stop: threading.Event,
        on_progress: Callable[[int], object],
        *,
        by: Compare,
        markers: bool,
    ) -> None:
        self._buckets, self._stop, self._tell = buckets, stop, on_progress
        self._by, self._markers = by, markers
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._ours = own_prefixes(buckets.pair.prefix)

    async def on_page(self, of: Range, source: Sequence[History], destination: Sequence[History]) -> None:  # noqa: ARG002
        """Visitor: histories to compare."""
        if self._stop.is_set():
            raise Interrupted(f"the comparison of {self._buckets.pair.title} was stopped")
        there = {history.key: kept(history.versions, markers=self._markers) for history in destination}
        for history in source:
            ours, theirs = kept(history.versions, markers=self._markers), there.pop(history.key, ())
            if history.key.startswith(self._ours):
                continue
            outlook = compare_histories(ours, theirs)
            if outlook.doubtful and self._by in (Compare.ETAG, Compare.CHECKSUM):
                outlook = await closer(self._buckets, history.key, ours, theirs, strict=True)
            elif outlook.doubtful:
                outlook = _lenient(ours, theirs)
            self._add(history.key, len(ours), outlook)
        for key, theirs in there.items():
            if theirs and not key.startswith(self._ours):
                self._count("extra", key, len(theirs))
        self._tell(self._counts.total())

    def _add(self, key: str, number: int, outlook: Outlook) -> None:
        lacking = len(outlook.lacking)
        kind = "unknown" if outlook.doubtful else "different" if outlook.conflict else "missing"
        self._count(kind, key, lacking)
        self._count("missing", key, len(outlook.archived))
        self._count("extra", key, outlook.extra)
        self._counts["same"] += number - lacking - len(outlook.archived)

    def _count(self, kind: str, key: str, number: int) -> None:
        if not number:
            return
        self._counts[kind] += number
        examples = self._examples.setdefault(kind, [])
        if kind != "unknown" and len(examples) < _EXAMPLES:
            examples.append(key)

    def on_split(self, split: Split) -> None:
        """Visitor: nothing to record."""

    def on_range_done(self, number: int) -> None:
        """Visitor: nothing to record."""

    def value(self) -> VerifyResult:
        """Return the result."""
        counts = self._counts
        return VerifyResult(
            objects=counts.total() - counts["extra"],
            missing=counts["missing"],
            different=counts["different"],
            extra=counts["extra"],
            unknown=counts["unknown"],
            examples={kind: tuple(sorted(keys)) for kind, keys in self._examples.items() if keys},
        )


def _lenient(ours: Sequence[ListedVersion], theirs: Sequence[ListedVersion]) -> Outlook:
    """Return what must be done when undecided versions count as the same."""
    on_progress = telling(ours)
    return settle(ours, theirs, lambda our_version, other: on_progress(our_version, other) is not False)
