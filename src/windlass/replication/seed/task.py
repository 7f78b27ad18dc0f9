"""The task of one pair: what is copied and how, what is already done (the checkpoint), and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from windlass.core import clock
from windlass.replication.comparison import BY_ETAG, Criteria
from windlass.replication.model import Attribute, JobRef, Method, Operation, Pair, Restore, SeedState
from windlass.replication.seed.checkpoint import Checkpoint

__all__ = ["CopyOptions", "SeedTask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """How the objects of a pair are compared and copied: one value from the command line to the copier."""

    versions: bool = False
    """Copy every version of each key, in order, not the current ones alone."""
    delete_markers: bool = True
    """With `versions`: write the delete markers, too."""
    preserve: frozenset[Attribute] = frozenset()
    """The attributes that copies preserve in addition to those that S3 copies."""
    criteria: Criteria = BY_ETAG
    restore: Restore | None = None
    """Restore archived objects and wait for them; None leaves them out."""
    distributed: bool = False
    """Let workers on other machines join."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedTask:
    """The seed of one pair. `jobs` are Batch Operations jobs in the order in which they run.

    The store has every field except `options`, which is stored in the job's request.
    """

    seed_id: str
    pair: Pair
    method: Method = Method.DIRECT
    operation: Operation = Operation.COPY
    options: CopyOptions = field(default_factory=CopyOptions)
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    job_id: str = ""
    set_name: str = ""
    why: str = ""
    state: SeedState = SeedState.QUEUED
    jobs: tuple[JobRef, ...] = ()
    total: int = 0
    done: int = 0
    failed: int = 0
    size_bytes: int = 0
    done_bytes: int = 0
    detail: str = ""
    error: str = ""
    verified: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=clock.now)
    started_at: datetime | None = None
    updated_at: datetime = field(default_factory=clock.now)
    finished_at: datetime | None = None

    @property
    def fraction(self) -> float:
        """Progress from 0.0 to 1.0; 1.0 once the seed is done."""
        if self.state is SeedState.DONE:
            return 1.0
        return min(1.0, (self.done + self.failed) / self.total) if self.total else 0.0

    def eta_s(self, now: datetime) -> float | None:
        """Return the seconds left at the average speed so far; None before there is a speed."""
        if self.state.ended or not 0 < self.fraction < 1 or self.started_at is None:
            return None
        return (now - self.started_at).total_seconds() * (1 - self.fraction) / self.fraction
