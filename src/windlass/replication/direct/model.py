"""The direct mover as the rest of a seed sees it: what it is asked, what it tells, what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from windlass.replication.comparison import BY_ETAG, Compare, Criteria, Verdict
from windlass.replication.model import Attribute, FailureGroup, Pair, Restore, Volume
from windlass.replication.own_keys import Candidate

__all__ = ["Compared", "CopyProgress", "Direct", "Tell"]

Tell = Callable[["CopyProgress"], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyProgress:
    """How far a direct seed is: objects and bytes in all, copied, there already, failed by reason."""

    total: int = 0
    copied: int = 0
    skipped: int = 0
    failed: int = 0
    total_bytes: int = 0
    copied_bytes: int = 0
    failures: tuple[FailureGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two sides compared: numbers, and some keys of each kind."""

    objects: int = 0
    missing: int = 0
    different: int = 0
    extra: int = 0
    unknown: int = 0
    """Not verified: the size is the same, and neither ETags nor checksums tell whether the content is."""
    read: int = 0
    """Objects whose content was read on both sides."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """SAME when every object of the source was verified; UNKNOWN when only some could not be compared."""
        if self.missing or self.different:
            return Verdict.DIFFERENT
        return Verdict.UNKNOWN if self.unknown else Verdict.SAME

    @property
    def whole(self) -> bool:
        """True when the destination has every object of the source, and each was verified to be the same."""
        return self.verdict is Verdict.SAME

    def value(self) -> dict[str, Any]:
        """As a seed keeps it."""
        return {
            "objects": self.objects,
            "missing": self.missing,
            "different": self.different,
            "extra": self.extra,
            "unknown": self.unknown,
            "read": self.read,
            "examples": {name: list(keys) for name, keys in self.examples.items()},
        }


class Direct(Protocol):
    """Who copies and compares in this process."""

    def seed(
        self,
        pair: Pair,
        *,
        seed_id: str,
        versions: bool,
        stop: threading.Event,
        tell: Tell,
        distributed: bool = False,
        markers: bool = True,
        preserve: frozenset[Attribute] = frozenset(),
        criteria: Criteria = BY_ETAG,
        restore: Restore | None = None,
    ) -> CopyProgress:
        """Copy what the destination lacks; what was done before an interruption is not done again. `shared`: others may join.

        `versions`: every version of each key, in order, and delete markers (`markers`) in their places. `carry`: what copies
        have of their sources besides what S3 copies. `criteria`: how objects are compared. `restore`: archived
        objects are restored and waited for.
        """

    def work(
        self, pair: Pair, *, seed_id: str, stop: threading.Event, tell: Tell, criteria: Criteria = BY_ETAG
    ) -> CopyProgress:
        """Join a shared seed until it is done."""

    def verify(
        self,
        pair: Pair,
        *,
        stop: threading.Event,
        tell: Callable[[int], object],
        by: Compare = Compare.ETAG,
        sample: int = 0,
        versions: bool = False,
        markers: bool = True,
    ) -> Compared:
        """Compare both sides by key, size and `by`; and the content of a sample. `versions`: all of each key."""

    def measure(self, pair: Pair, *, criteria: Criteria = BY_ETAG) -> Volume:
        """Count both sides, what the destination lacks, and what a listing does not tell."""

    def both(
        self, pair: Pair, *, alone: bool = False, stop: threading.Event | None = None, criteria: Criteria = BY_ETAG
    ) -> Iterator[Candidate]:
        """Both sides listed and compared, in no particular order; `alone`: the source only."""
