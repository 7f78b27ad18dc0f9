"""Running long work so that anybody can watch, cancel and resume it, and a crash is seen for what it is."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from windlass.core import clock
from windlass.core.canonical import canonical_json, plain
from windlass.core.errors import Conflict, Interrupted, NotFound, WindlassError
from windlass.core.ids import new_id
from windlass.jobs import store as rows
from windlass.jobs.model import Job, JobStatus, LogEntry
from windlass.store.engine import Store

__all__ = ["STALE_S", "Jobs", "RunningJob"]

STALE_S = 60.0
"""A runner not heard of for this long is presumed dead."""
_BEAT_S = 10.0
_HOST = socket.gethostname()[:40]
_LIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
_RESUMABLE = tuple(status for status in JobStatus if status.resumable)

Runner = Callable[["RunningJob"], None]


class RunningJob:
    """What the runner of a job holds: report progress, write the log, learn that it should stop."""

    def __init__(self, jobs: Jobs, job: Job, holder: str) -> None:
        self.job_id = job.job_id
        self.params = job.params
        self.checkpoint = job.checkpoint
        self.stop = threading.Event()
        self._jobs = jobs
        self.holder = holder

    def report(
        self,
        *,
        done: int | None = None,
        total: int | None = None,
        detail: str | None = None,
        checkpoint: Mapping[str, Any] | None = None,
    ) -> None:
        """Set what is given, in one transaction, and see whether a cancel was asked for (`stop` is set then)."""
        values: dict[str, Any] = {
            name: value for name, value in (("done", done), ("total", total), ("detail", detail)) if value is not None
        }
        if checkpoint is not None:
            values["checkpoint"] = canonical_json(plain(checkpoint))
        if not self._jobs.beat(self.job_id, self.holder, values):
            self.stop.set()

    def log(self, message: str, *, level: str = "info") -> None:
        """One more line in the job's log."""
        self._jobs.append_log(self.job_id, message, level=level)

    def check(self) -> None:
        """Raise Interrupted when the job should stop."""
        if self.stop.is_set():
            raise Interrupted(f"{self.job_id} was stopped", hint=f"windlass jobs resume {self.job_id}")


class Jobs:
    """The jobs of one store. `runners` maps a kind to what resumes it; kinds without one can only be watched."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = clock.now) -> None:
        self._store = store
        self._now = now
        self.runners: dict[str, Runner] = {}

    def list(self, *, status: JobStatus | None = None, kind: str = "", limit: int = 100) -> tuple[Job, ...]:
        """Newest first; silent ones are marked interrupted on the way."""
        self.reap()
        with self._store.read() as connection:
            return rows.list_jobs(connection, status=status, kind=kind, limit=limit)

    def get(self, job_id: str) -> Job:
        """The job, or NotFound."""
        with self._store.read() as connection:
            job = rows.get_job(connection, job_id)
        if job is None:
            raise NotFound(f"there is no job {job_id!r}", hint="`windlass jobs list` shows the ids.")
        return job

    def log(self, job_id: str, *, after: int = 0, limit: int = 500) -> tuple[LogEntry, ...]:
        """The log's lines after entry `after`, oldest first."""
        with self._store.read() as connection:
            return rows.list_log(connection, job_id, after=after, limit=limit)

    def append_log(self, job_id: str, message: str, *, level: str = "info") -> None:
        """One more line."""
        with self._store.write() as connection:
            rows.append_log(connection, job_id, at=self._now(), level=level, message=message)

    def create(self, kind: str, title: str, *, params: Mapping[str, Any] | None = None, unit: str = "items") -> str:
        """A queued job's id."""
        job_id = new_id("job", self._now())
        with self._store.write() as connection:
            rows.insert_job(connection, job_id, kind=kind, title=title, params=params or {}, unit=unit, now=self._now())
        return job_id

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop: at once when it is queued, at its next report when it runs. Conflict when it has ended."""
        job = self.get(job_id)
        with self._store.write() as connection:
            asked = rows.change_job(connection, job_id, was=_LIVE, cancel_requested=True)
            rows.change_job(
                connection, job_id, was=[JobStatus.QUEUED], status=JobStatus.CANCELLED, finished_at=self._now()
            )
        if not asked:
            raise Conflict(
                f"{job_id} has ended already: {job.status}", hint="Only a queued or running job can be cancelled."
            )
        return self.get(job_id)

    def resume(self, job_id: str) -> Job:
        """Run a failed, cancelled or interrupted job again from its checkpoint, here and now, to its end."""
        self.reap()
        job = self.get(job_id)
        runner = self.runners.get(job.kind)
        if not job.status.resumable:
            raise Conflict(
                f"{job_id} can't be resumed: it is {job.status}",
                hint="Only failed, cancelled and interrupted jobs can.",
            )
        if runner is None:
            raise Conflict(f"{job_id} can't be resumed: nothing here runs jobs of kind {job.kind!r}")
        with self.run(job_id) as running:
            runner(running)
        return self.get(job_id)

    @contextlib.contextmanager
    def run(self, job_id: str) -> Iterator[RunningJob]:
        """Be the job's runner for the block. Its normal end is `done`; Interrupted, Ctrl-C and a cancel are resumable;
        any other exception is `failed` with its message. The exception goes on to the caller, a cancel does not."""
        running = self._start(job_id)
        beats = threading.Event()
        heart = threading.Thread(target=self._keep_alive, args=(running, beats), name="job-heart", daemon=True)
        heart.start()
        try:
            yield running
        except (Interrupted, KeyboardInterrupt):
            self._finish(running, JobStatus.CANCELLED if self._cancelled(job_id) else JobStatus.INTERRUPTED)
            if not self._cancelled(job_id):
                raise
        except BaseException as error:
            message = error.message if isinstance(error, WindlassError) else f"{type(error).__name__}: {error}"
            self.append_log(job_id, message, level="error")
            self._finish(running, JobStatus.FAILED, error=message)
            raise
        else:
            self._finish(running, JobStatus.CANCELLED if self._cancelled(job_id) else JobStatus.DONE)
        finally:
            beats.set()
            heart.join()

    def beat(self, job_id: str, holder: str, values: Mapping[str, Any]) -> bool:
        """Write progress; false when the job was cancelled or is no longer this holder's."""
        with self._store.write() as connection:
            ours = rows.change_job(
                connection, job_id, was=[JobStatus.RUNNING], held_by=holder, heartbeat_at=self._now(), **values
            )
            job = rows.get_job(connection, job_id)
        return ours and job is not None and not job.cancel_requested

    def reap(self) -> tuple[Job, ...]:
        """Mark as interrupted what a dead runner left behind; those jobs.

        Dead is: silent for STALE_S, or of this machine with its process gone.
        """
        silent_since = self._now() - timedelta(seconds=STALE_S)
        with self._store.read() as connection:
            running = rows.list_running(connection)
        dead = tuple(
            job for job, holder in running if (job.heartbeat_at or job.created_at) < silent_since or _gone(holder)
        )
        for job in dead:
            with self._store.write() as connection:
                rows.change_job(
                    connection,
                    job.job_id,
                    was=[JobStatus.RUNNING],
                    status=JobStatus.INTERRUPTED,
                    finished_at=job.heartbeat_at,
                    error="its process ended without a word",
                )
        return dead

    def prune(self, kind: str, *, keep: int) -> int:
        """Forget all but the newest `keep` ended jobs of a kind that runs again and again; how many went."""
        with self._store.write() as connection:
            return rows.delete_ended(connection, kind, keep=keep)

    def _start(self, job_id: str) -> RunningJob:
        job = self.get(job_id)
        holder = f"{_HOST}:{os.getpid()}:{new_id('h')[-6:]}"
        with self._store.write() as connection:
            taken = rows.change_job(
                connection,
                job_id,
                was=(JobStatus.QUEUED, *_RESUMABLE),
                status=JobStatus.RUNNING,
                holder=holder,
                attempt=job.attempt + 1,
                cancel_requested=False,
                error="",
                heartbeat_at=self._now(),
                started_at=self._now(),
                finished_at=None,
            )
        if not taken:
            raise Conflict(f"{job_id} is {self.get(job_id).status}", hint="Somebody else runs it, or it is done.")
        return RunningJob(self, job, holder)

    def _finish(self, running: RunningJob, status: JobStatus, *, error: str = "") -> None:
        now = self._now()
        with self._store.write() as connection:
            rows.change_job(
                connection,
                running.job_id,
                was=[JobStatus.RUNNING],
                held_by=running.holder,
                status=status,
                error=error,
                finished_at=now,
                heartbeat_at=now,
            )

    def _cancelled(self, job_id: str) -> bool:
        return self.get(job_id).cancel_requested

    def _keep_alive(self, running: RunningJob, ended: threading.Event) -> None:
        while not ended.wait(_BEAT_S):
            with contextlib.suppress(WindlassError):  # a missed beat is made up by the next one
                running.report()


def _gone(holder: str) -> bool:
    host, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    if host != _HOST or not pid.isdigit() or os.name == "nt":  # there, signal 0 is not a question
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it lives, under another user
        return False
    return False
