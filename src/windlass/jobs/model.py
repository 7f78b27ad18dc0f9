"""A job and its log, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    """A job's status."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """True when no process works on it any more."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)

    @property
    def resumable(self) -> bool:
        """True when `resume` may run it: it is not done, and no process runs it. A queued job's process may be gone."""
        return self in (JobStatus.QUEUED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.INTERRUPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of long work. `done` and `total` count `unit`s; a total of 0 is not known yet."""

    job_id: str
    kind: str
    title: str
    status: JobStatus
    params: Mapping[str, Any]
    checkpoint: Mapping[str, Any]
    done: int
    total: int
    unit: str
    detail: str
    error: str
    cancel_requested: bool
    attempt: int
    holder: str  # the process that runs it, or that ran it last: `web-1 (pid 4711)`
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None

    @property
    def fraction(self) -> float:
        """Progress from 0.0 to 1.0."""
        if self.status is JobStatus.DONE:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def duration_s(self) -> float:
        """Seconds from the start to the end, or to the last heartbeat."""
        until = self.finished_at or self.heartbeat_at
        return (until - self.started_at).total_seconds() if until and self.started_at else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the average speed so far; None while that is unknown."""
        if self.status is not JobStatus.RUNNING or not 0 < self.fraction < 1 or self.duration_s <= 0:
            return None
        return self.duration_s * (1 - self.fraction) / self.fraction


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a job's log; `level` is info, warning or error."""

    entry_id: int
    at: datetime
    level: str
    message: str
