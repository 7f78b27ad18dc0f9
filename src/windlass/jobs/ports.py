"""The queries that jobs are made of. `store.py` has them in SQL, the simulation in memory."""

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
        """The lease that the job's runner holds."""

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
        """A new row, queued."""

    def change_job(self, connection: Connection, job_id: str, *, was: Sequence[JobStatus], **values: Any) -> bool:
        """Set columns if the job's state is one of `was`; false when it is not."""

    def get_job(self, connection: Connection, job_id: str) -> Job | None:
        """The job, or None."""

    def list_jobs(
        self, connection: Connection, *, status: JobStatus | None = None, kind: str = "", limit: int = 100
    ) -> tuple[Job, ...]:
        """Newest first."""

    def list_running(self, connection: Connection) -> tuple[str, ...]:
        """The ids of the jobs whose status is running."""

    def delete_ended(self, connection: Connection, kind: str, *, keep: int) -> int:
        """Delete the jobs of a kind that are done, but the newest `keep`."""

    def append_log(self, connection: Connection, job_id: str, *, at: datetime, level: str, message: str) -> None:
        """One more line."""

    def list_log(
        self, connection: Connection, job_id: str, *, after: int = 0, limit: int = 500
    ) -> tuple[LogEntry, ...]:
        """The lines after entry `after`, oldest first."""
