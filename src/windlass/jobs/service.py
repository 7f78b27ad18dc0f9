"""Runs long work so that it can be watched, cancelled and resumed, and a crash is detected.

A job's runner holds the lease `job/ID`; the lease alone says whether a running job still has a process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from windlass.core import clock
from windlass.core.canonical import canonical_json, plain
from windlass.core.errors import Conflict, Interrupted, NotFound, StoreError, WindlassError
from windlass.core.ids import new_id
from windlass.jobs import store as sql
from windlass.jobs.model import Job, JobStatus, LogEntry
from windlass.jobs.ports import JobTable
from windlass.jobs.running_job import RunningJob
from windlass.observe.log import logger
from windlass.store.engine import Store
from windlass.store.failures import CONNECTION_LOST, LOCKED
from windlass.store.leases import Lease, LeaseLost, Leases

__all__ = ["Jobs", "RunningJob"]

_LIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
_UNFINISHED = (*_LIVE, JobStatus.INTERRUPTED)
_RESUMABLE = tuple(status for status in JobStatus if status.resumable)

Runner = Callable[["RunningJob"], None]


class Jobs:
    """The jobs of one store. `runners` maps a kind to the function that resumes it; other kinds can only be watched."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime] = clock.now,
        leases: Leases | None = None,
        rows: JobTable = sql,
    ) -> None:
        self._store = store
        self._now = now
        self._rows = rows
        self.leases = leases or Leases(store)
        self.runners: dict[str, Runner] = {}

    def list(self, *, status: JobStatus | None = None, kind: str = "", limit: int = 100) -> tuple[Job, ...]:
        """Return jobs, newest first, after marking those whose process is gone as interrupted."""
        self.reap()
        return self._store.fetch(
            lambda connection: self._rows.list_jobs(connection, status=status, kind=kind, limit=limit)
        )

    def get(self, job_id: str) -> Job:
        """Return the job, marked interrupted when its process is gone. NotFound when it does not exist."""
        job = self._store.fetch(lambda connection: self._rows.get_job(connection, job_id))
        if job is not None and job.status is JobStatus.RUNNING and self._reap([job_id]):
            return self.get(job_id)
        if job is None:
            raise NotFound(f"job {job_id!r} does not exist", hint="`windlass jobs list` shows the ids.")
        return job

    def log(self, job_id: str, *, after: int = 0, limit: int = 500) -> tuple[LogEntry, ...]:
        """Return the log's lines after entry `after`, oldest first."""
        return self._store.fetch(lambda connection: self._rows.list_log(connection, job_id, after=after, limit=limit))

    def append_log(self, job_id: str, message: str, *, level: str = "info") -> None:
        """Add a line to a job's log."""
        self._store.transact(lambda connection: self.write_log(connection, job_id, message, level=level))

    def write_log(self, connection: Connection, job_id: str, message: str, *, level: str) -> None:
        """Add a line to a job's log, in the caller's transaction."""
        self._rows.append_log(connection, job_id, at=self._now(), level=level, message=message)

    def create(
        self,
        kind: str,
        title: str,
        *,
        params: Mapping[str, Any] | None = None,
        unit: str = "items",
        write: Callable[[Connection, str], None] = lambda *_: None,
    ) -> str:
        """Create a queued job and return its id. `write` adds the rows that belong to it in the same transaction."""
        job_id = new_id("job", self._now())
        insert = self._insertion(job_id, kind, title, params or {}, unit)

        def insert_with_rows(connection: Connection) -> None:
            insert(connection)
            write(connection, job_id)

        self._store.transact(insert_with_rows)
        return job_id

    def cancel(self, job_id: str) -> Job:
        """Cancel a job: at once when it is queued, at its next report when it runs. Conflict when it has ended."""
        job = self.get(job_id)

        def ask(connection: Connection) -> bool:
            requested = self._rows.change_job(connection, job_id, was=_LIVE, cancel_requested=True)
            self._rows.change_job(
                connection, job_id, was=[JobStatus.QUEUED], status=JobStatus.CANCELLED, finished_at=self._now()
            )
            return requested

        if not self._store.transact(ask):
            raise Conflict(
                f"{job_id} has already ended: {job.status}", hint="Only a queued or running job can be cancelled."
            )
        return self.get(job_id)

    def resume(self, job_id: str) -> Job:
        """Run a job from its checkpoint to its end in this process. Conflict when it is done or another process runs
        it.
        """
        job = self.get(job_id)
        runner = self.runners.get(job.kind)
        if runner is None and job.status.resumable:
            raise Conflict(
                f"{job_id} cannot be resumed: no command of this version runs jobs of kind {job.kind!r}",
                hint="Resume it with the version of Windlass that created it.",
            )
        with self.run(job_id) as running:
            assert runner is not None
            runner(running)
        return self.get(job_id)

    def unfinished(self, kind: str, params: Mapping[str, Any], *, limit: int = 20) -> Job | None:
        """Return the newest unfinished job of the kind with these parameters: running (in a live process), queued or
        interrupted. None when there is none. A loop resumes it before it creates another.
        """
        text = canonical_json(plain(params))
        return next(
            (
                job
                for job in self.list(kind=kind, limit=limit)
                if job.status in _UNFINISHED and canonical_json(job.params) == text
            ),
            None,
        )

    def run(self, job_id: str, *, under: Sequence[Lease] = ()) -> AbstractContextManager[RunningJob]:
        """Run the job during the block. A normal end sets `done`; after Interrupted, Ctrl-C and a cancel it can be
        resumed; any other exception sets `failed` with its message. Exceptions are raised to the caller, a cancel is
        not.

        Conflict when another process runs it, or it is done. `under` are leases that the runner must hold, too.
        """
        return self._run(job_id, under)

    def run_new(
        self,
        kind: str,
        title: str,
        *,
        params: Mapping[str, Any] | None = None,
        unit: str = "items",
        under: Sequence[Lease] = (),
    ) -> AbstractContextManager[RunningJob]:
        """Create a job and run it for the block, as `run` does. One transaction creates and starts it, so it is never
        queued.
        """
        job_id = new_id("job", self._now())
        return self._run(job_id, under, self._insertion(job_id, kind, title, params or {}, unit))

    def _insertion(
        self, job_id: str, kind: str, title: str, params: Mapping[str, Any], unit: str
    ) -> Callable[[Connection], None]:
        now = self._now()

        def insert(connection: Connection) -> None:
            if (
                self._rows.get_job(connection, job_id) is None
            ):  # else the transaction was repeated: the response to its commit was lost
                self._rows.insert_job(connection, job_id, kind=kind, title=title, params=params, unit=unit, now=now)

        return insert

    @contextlib.contextmanager
    def _run(
        self, job_id: str, under: Sequence[Lease], insert: Callable[[Connection], None] = lambda _: None
    ) -> Iterator[RunningJob]:
        running = self._start(job_id, under, insert)
        try:
            with self.leases.heartbeat(lambda: self._beat(running), lambda reason: self._lost(running, reason)):
                yield running
        except LeaseLost:
            self._lost(running, "another process took it over")
            self._give_back(running, JobStatus.INTERRUPTED)
            raise
        except (Interrupted, KeyboardInterrupt):
            cancelled = self._cancelled(job_id)
            self._give_back(running, JobStatus.CANCELLED if cancelled else JobStatus.INTERRUPTED)
            if not cancelled:
                raise
        except StoreError as error:
            # The job itself is intact: it continues when the database is available again.
            away = error.code in (CONNECTION_LOST, LOCKED)
            self._give_back(running, JobStatus.INTERRUPTED if away else JobStatus.FAILED, error=error.message)
            raise
        except BaseException as error:
            message = error.message if isinstance(error, WindlassError) else f"{type(error).__name__}: {error}"
            self._give_back(running, JobStatus.FAILED, error=message)
            raise
        else:
            self._finish(running, JobStatus.CANCELLED if self._cancelled(job_id) else JobStatus.DONE)

    def progress(self, connection: Connection, job_id: str, values: Mapping[str, Any]) -> bool:
        """Write a runner's progress in its fenced transaction; return False when a cancel was requested."""
        is_ours = self._rows.change_job(connection, job_id, was=[JobStatus.RUNNING], heartbeat_at=self._now(), **values)
        job = self._rows.get_job(connection, job_id)
        return is_ours and job is not None and not job.cancel_requested

    def reap(self) -> tuple[Job, ...]:
        """Mark running jobs as interrupted whose process is gone or whose lease expired; return them."""
        running = self._store.fetch(self._rows.list_running)
        return tuple(self.get(job_id) for job_id in self._reap(running)) if running else ()

    def prune(self, kind: str, *, keep: int) -> int:
        """Delete all but the newest `keep` ended jobs of a recurring kind; return how many."""
        return self._store.transact(lambda connection: self._rows.delete_ended(connection, kind, keep=keep))

    def _reap(self, job_ids: Sequence[str]) -> tuple[str, ...]:
        names = {self._rows.lease_name(job_id): job_id for job_id in job_ids}
        live = self._store.fetch(lambda connection: self.leases.live(connection, tuple(names)))
        return tuple(job_id for name, job_id in names.items() if name not in live and self._interrupt(name, job_id))

    def _interrupt(self, name: str, job_id: str) -> bool:
        """Mark the job as interrupted unless its lease is live; return whether it was marked."""

        def interrupt(connection: Connection) -> bool:
            job = self._rows.get_job(connection, job_id)
            if job is None or not self.leases.end(connection, name):
                return False
            lost = _exited(job)
            changed = self._rows.change_job(
                connection,
                job_id,
                was=[JobStatus.RUNNING],
                status=JobStatus.INTERRUPTED,
                finished_at=job.heartbeat_at,
                error=lost,
            )
            if changed:
                self.write_log(connection, job_id, lost, level="error")
            return changed

        interrupted = self._store.transact(interrupt)
        if interrupted:
            logger("jobs").warning("job.interrupted", job_id=job_id)
        return interrupted

    def _start(self, job_id: str, under: Sequence[Lease], insert: Callable[[Connection], None]) -> RunningJob:
        token, now = self.leases.new_token(), self._now()

        def start(connection: Connection) -> RunningJob:
            insert(connection)
            lease = self.leases.claim(connection, self._rows.lease_name(job_id), token, under=under)
            job = self._rows.get_job(connection, job_id)
            if job is None:
                raise NotFound(f"job {job_id!r} does not exist", hint="`windlass jobs list` shows the ids.")
            if lease is None or job.status is JobStatus.DONE:
                raise _not_startable(job)
            if not lease.is_repeated:
                if job.status is JobStatus.RUNNING:
                    self.write_log(connection, job_id, _exited(job), level="error")
                self._rows.change_job(
                    connection,
                    job_id,
                    was=(JobStatus.RUNNING, *_RESUMABLE),
                    status=JobStatus.RUNNING,
                    holder=self.leases.holder().title[:64],
                    attempt=job.attempt + 1,
                    cancel_requested=False,
                    error="",
                    heartbeat_at=now,
                    started_at=now,
                    finished_at=None,
                )
            return RunningJob(self, job, lease)

        return self._store.patient().transact(start)

    def _finish(self, running: RunningJob, status: JobStatus, *, error: str = "") -> None:
        """Write how the job ended and release its lease. LeaseLost when another process has it."""
        now = self._now()

        def finish(connection: Connection) -> None:
            if not self.leases.release(connection, running.lease):
                return
            self._rows.change_job(
                connection,
                running.job_id,
                was=[JobStatus.RUNNING],
                status=status,
                error=error,
                finished_at=now,
                heartbeat_at=now,
            )
            if error:
                self.write_log(connection, running.job_id, error, level="error")

        self._store.patient().transact(finish)

    def _give_back(self, running: RunningJob, status: JobStatus, *, error: str = "") -> None:
        """Write a failed end. When that fails, the lease expires by itself, and the original error is raised."""
        with contextlib.suppress(LeaseLost, StoreError):
            self._finish(running, status, error=error)

    def _lost(self, running: RunningJob, reason: str) -> None:
        running.lease.lost.set()
        running.stop.set()
        logger("jobs").warning("job.lost", job_id=running.job_id, reason=reason)

    def _cancelled(self, job_id: str) -> bool:
        job = self._store.patient().fetch(lambda connection: self._rows.get_job(connection, job_id))
        return job is not None and job.cancel_requested

    def _beat(self, running: RunningJob) -> bool:
        """Renew the runner's lease and check for a cancel; return False when another process runs the job."""

        def beat(connection: Connection) -> bool:
            self.leases.renew(connection, running.lease)
            return self.progress(connection, running.job_id, {})

        try:
            if not self._store.transact(beat):
                running.stop.set()
        except LeaseLost:
            return False
        return True


def _not_startable(job: Job) -> Conflict:
    if job.status is JobStatus.DONE:
        return Conflict(f"{job.job_id} cannot be run: it is done", hint="Start a new one.")
    return Conflict(
        f"{job.job_id} is running on {job.holder}",
        hint=f"`windlass jobs log -f {job.job_id}` follows it; `windlass jobs cancel {job.job_id}` stops it.",
    )


def _exited(job: Job) -> str:
    return f"{job.holder}, which ran this job, exited without reporting a result (killed or out of memory?)."
