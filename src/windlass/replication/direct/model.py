"""The interface of the direct copier: options, progress, results, and the Protocol that the service calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from windlass.replication.comparison import BY_ETAG, Compare, ContentVerdict, Criteria
from windlass.replication.model import FailureGroup, Pair, Volume
from windlass.replication.own_keys import Candidate
from windlass.replication.seed.task import SeedTask

__all__ = ["CopyContext", "CopyProgress", "OnProgress", "PairCopier", "VerifyOptions", "VerifyResult"]

OnProgress = Callable[["CopyProgress"], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyProgress:
    """The progress of a direct seed: objects and bytes in total, copied, skipped, and failed by reason."""

    total: int = 0
    copied: int = 0
    skipped: int = 0
    failed: int = 0
    total_bytes: int = 0
    copied_bytes: int = 0
    failures: tuple[FailureGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """The result of a comparison: counts, and some keys of each kind."""

    objects: int = 0
    missing: int = 0
    different: int = 0
    extra: int = 0
    unknown: int = 0
    """Not verified: the sizes are equal, and neither ETags nor checksums decide about the content."""
    read: int = 0
    """Objects whose content was read on both sides."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def verdict(self) -> ContentVerdict:
        """SAME when every object of the source was verified; UNKNOWN when only some could not be compared."""
        if self.missing or self.different:
            return ContentVerdict.DIFFERENT
        return ContentVerdict.UNKNOWN if self.unknown else ContentVerdict.SAME

    @property
    def whole(self) -> bool:
        """True when the destination has every object of the source, and each was verified to be the same."""
        return self.verdict is ContentVerdict.SAME

    def value(self) -> dict[str, Any]:
        """Return the dictionary that a seed stores."""
        return {
            "objects": self.objects,
            "missing": self.missing,
            "different": self.different,
            "extra": self.extra,
            "unknown": self.unknown,
            "read": self.read,
            "examples": {name: list(keys) for name, keys in self.examples.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """How both buckets of a pair are compared."""

    by: Compare = Compare.ETAG
    sample: int = 0
    """Read the content of this many objects on both sides."""
    versions: bool = False
    """Compare every version of each key, in order."""
    delete_markers: bool = True
    """With `versions`: compare the delete markers, too."""


@dataclass(frozen=True, slots=True)
class CopyContext:
    """Copies stop when `stop` is set; `on_progress` receives the progress about twice a second."""

    stop: threading.Event
    on_progress: OnProgress = lambda _: None


class PairCopier(Protocol):
    """Copies and compares the buckets of a pair in this process."""

    def seed(self, task: SeedTask, context: CopyContext) -> CopyProgress:
        """Copy what the destination is missing. Interrupted when stopped: the same task continues from its journal."""

    def join(self, task: SeedTask, context: CopyContext) -> CopyProgress:
        """Help with a distributed seed until it is done. NotFound when there is none."""

    def verify(
        self, pair: Pair, options: VerifyOptions, *, stop: threading.Event, on_progress: Callable[[int], object]
    ) -> VerifyResult:
        """Compare both buckets by key, size and `options.by`; `on_progress` receives the number of keys compared."""

    def measure(self, pair: Pair, *, criteria: Criteria = BY_ETAG) -> Volume:
        """Count the objects of both buckets, those that are missing, and those about which a listing does not decide."""

    def candidates(
        self,
        pair: Pair,
        *,
        source_only: bool = False,
        stop: threading.Event | None = None,
        criteria: Criteria = BY_ETAG,
    ) -> Iterator[Candidate]:
        """Yield the keys of both buckets with what a seed does about each, in no particular order."""
