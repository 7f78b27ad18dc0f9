"""The jobs of one account and region: created once per token, listed, changed, and chosen by priority."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from moto.s3control.models import s3control_backends

from windlass_local.batch.job import Job
from windlass_local.batch.job_request import JobRejected
from windlass_local.batch.states import ENDED, RUNNABLE, State, state_after_request

__all__ = ["PRIVATE_NAMES", "JobQueue", "is_current", "job_queue_of"]

PRIVATE_NAMES = ("moto.s3control.models.s3control_backends", "moto.s3control.models.S3ControlBackend.reset")
_ATTRIBUTE = "windlass_jobs"
_MAKING = threading.Lock()


class JobQueue:
    """Jobs by id, oldest first."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id, self.region = account_id, region
        self.lock = threading.RLock()
        self.busy = False  # True while a worker runs its jobs
        self._jobs: dict[str, Job] = {}
        self._tokens: dict[str, Job] = {}

    def find_by_token(self, job_parameters: Mapping[str, Any]) -> Job | None:
        """Return the job created with the same token, or None. JobRejected when its parameters differ."""
        known = self._tokens.get(job_parameters.get("ClientRequestToken", ""))
        if known is not None and known.parameters != job_parameters:
            text = "A job with this ClientRequestToken exists already, and its parameters are others."
            raise JobRejected("IdempotencyException", text)
        return known

    def create(self, job_parameters: Mapping[str, Any]) -> Job:
        """Create the job, or return the one that was created with the same token."""
        with self.lock:
            known = self.find_by_token(job_parameters)
            if known is not None:
                return known
            job = Job(
                account_id=self.account_id,
                region=self.region,
                number=len(self._jobs),
                parameters=job_parameters,
                priority=job_parameters["Priority"],
                tags=list(job_parameters.get("Tags", ())),
            )
            self._jobs[job.id] = self._tokens[job_parameters["ClientRequestToken"]] = job
            return job

    def find(self, job_id: str) -> Job:
        """Return the job. JobRejected when it does not exist."""
        job = self._jobs.get(job_id)
        if job is None:
            raise JobRejected("NoSuchJob", "The specified job does not exist.", 404)
        return job

    def page(self, statuses: Iterable[str], after: str, most: int) -> tuple[list[dict[str, Any]], str]:
        """Return a page of jobs, newest first, and the token of the next page ("" for none). JobRejected for an invalid token."""
        requested = set(statuses)
        with self.lock:
            below = len(self._jobs)
            if after:
                if after not in self._jobs:
                    raise JobRejected("InvalidNextTokenException", "The NextToken is not valid.")
                below = self._jobs[after].number
            chosen = [
                job
                for job in reversed(self._jobs.values())
                if job.number < below and (not requested or job.state in requested)
            ]
            page = chosen[:most]
            return [job.as_list_entry() for job in page], page[-1].id if page and len(chosen) > most else ""

    def request(self, job_id: str, requested: str, why: str) -> Job:
        """Make a suspended job ready, or cancel one. JobRejected when the job's state does not allow it."""
        with self.lock:
            job = self.find(job_id)
            try:
                job.move_to(state_after_request(job.state, requested))
            except ValueError as error:
                raise JobRejected("JobStatusException", str(error)) from None
            job.update_reason = why
            return job

    def prioritize(self, job_id: str, priority: int) -> Job:
        """Give a job another priority. JobRejected for one that has ended."""
        with self.lock:
            job = self.find(job_id)
            if job.state in ENDED:
                raise JobRejected("InvalidRequest", f"The job is {job.state}; its priority can't be changed.")
            job.priority = priority
            return job

    def runnable_jobs(self) -> list[Job]:
        """Return the jobs to work on now: all that start or end, and of the runnable ones those with the highest priority.

        Running jobs of lower priority are paused, as in AWS.
        """
        with self.lock:
            live = [job for job in self._jobs.values() if job.state not in ENDED and job.state is not State.SUSPENDED]
            runnable = [job for job in live if job.state in RUNNABLE]
            highest = max((job.priority for job in runnable), default=0)
            for job in runnable:
                if job.state is State.ACTIVE and job.priority < highest:
                    job.move_to(State.PAUSING)
            return [job for job in live if job.state not in RUNNABLE or job.priority == highest]


def job_queue_of(account_id: str, region: str) -> JobQueue:
    """Return the jobs of an account in a region. They are kept with moto's backend and disappear when moto is reset."""
    backend = s3control_backends[account_id]["aws"]
    with _MAKING:
        lanes: dict[str, JobQueue] = vars(backend).setdefault(_ATTRIBUTE, {})
        if region not in lanes:
            lanes[region] = JobQueue(account_id, region)
        return lanes[region]


def is_current(queue: JobQueue) -> bool:
    """True when the queue belongs to the present estate, not to one that was reset."""
    return job_queue_of(queue.account_id, queue.region) is queue
