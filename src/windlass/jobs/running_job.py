"""A job as its runner sees it: progress, log, and the request to stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from windlass.core.canonical import canonical_json, plain
from windlass.core.errors import Interrupted
from windlass.jobs.model import Job
from windlass.store.engine import Store
from windlass.store.leases import Lease, LeaseLost

if TYPE_CHECKING:
    from windlass.jobs.service import Jobs

__all__ = ["RunningJob"]


class RunningJob:
    """A job's runner uses this to report progress, write the log, and learn that it should stop.

    `store` is the database for all that the runner writes: a runner that another process has replaced writes nothing.
    """

    def __init__(self, jobs: Jobs, job: Job, lease: Lease) -> None:
        self.job_id = job.job_id
        self.params = job.params
        self.checkpoint = job.checkpoint
        self.stop = threading.Event()
        self.lease = lease
        self._jobs = jobs

    @property
    def store(self) -> Store:
        """The fenced database: a write raises LeaseLost once another process runs the job."""
        return self.lease.store

    def report(
        self,
        *,
        done: int | None = None,
        total: int | None = None,
        detail: str | None = None,
        checkpoint: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the given values in one transaction. Sets `stop` when a cancel was requested, or another process runs
        the job.
        """
        values: dict[str, Any] = {
            name: value for name, value in (("done", done), ("total", total), ("detail", detail)) if value is not None
        }
        if checkpoint is not None:
            values["checkpoint"] = canonical_json(plain(checkpoint))
        with contextlib.suppress(LeaseLost):
            if self.store.transact(lambda connection: self._jobs.progress(connection, self.job_id, values)):
                return
        self.stop.set()

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the job's log. No effect once another process runs the job."""
        with contextlib.suppress(LeaseLost):
            self.store.transact(lambda connection: self._jobs.write_log(connection, self.job_id, message, level=level))

    def check(self) -> None:
        """Raise Interrupted when the job should stop."""
        if self.stop.is_set() or self.lease.lost.is_set():
            raise Interrupted(f"{self.job_id} was stopped", hint=f"windlass jobs resume {self.job_id}")
