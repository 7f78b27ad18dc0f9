"""The queries of jobs: `store.py` has them in SQL, the simulation in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from windlass.jobs.model import Job, JobStatus, LogEntry

__all__ = ["JobTable"]


class JobTable(Protocol):
    """See the functions of the same names in `store.py`."""

    def lease_name(self, job_id: str) -> str:
        """Return the name of the lease that the job's runner holds."""

    def insert_job(
        self,
        connection: Connection,
        job_id: str,
        *,
        kind: str,
        title: str,
        params: Mapping[str, Any],
        unit: str,
        now: datetime,
    ) -> None:
        """Insert a queued job."""

    def change_job(self, connection: Connection, job_id: str, *, was: Sequence[JobStatus], **values: Any) -> bool:
        """Set columns when the job's status is one of `was`; return False when it is not."""

    def get_job(self, connection: Connection, job_id: str) -> Job | None:
        """Return the job, or None."""

    def list_jobs(
        self, connection: Connection, *, status: JobStatus | None = None, kind: str = "", limit: int = 100
    ) -> tuple[Job, ...]:
        """Return jobs, newest first."""

    def list_running(self, connection: Connection) -> tuple[str, ...]:
        """Return the ids of jobs whose status is running."""

    def delete_ended(self, connection: Connection, kind: str, *, keep: int) -> int:
        """Delete the done jobs of a kind except the newest `keep`."""

    def append_log(self, connection: Connection, job_id: str, *, at: datetime, level: str, message: str) -> None:
        """Append a line to the log."""

    def list_log(
        self, connection: Connection, job_id: str, *, after: int = 0, limit: int = 500
    ) -> tuple[LogEntry, ...]:
        """Return the lines after entry `after`, oldest first."""
