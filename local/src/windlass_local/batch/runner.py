"""The runner of jobs: prepares them, runs their tasks in turn, writes their reports."""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import unquote

from windlass_local.batch.job import Job
from windlass_local.batch.job_queue import JobQueue, is_current
from windlass_local.batch.job_request import bucket_of
from windlass_local.batch.manifest import BadManifest, Manifest, read_csv, read_inventory
from windlass_local.batch.manifest_generator import generate
from windlass_local.batch.report import Report
from windlass_local.batch.resource_checks import check_source
from windlass_local.batch.s3_client import RoleS3Client, error_of
from windlass_local.batch.states import State
from windlass_local.batch.tasks import tasks_of
from windlass_local.batch.timing import BATCH_TIMING
from windlass_local.faults import Faults
from windlass_local.request import Request
from windlass_local.s3.roles import session_of
from windlass_local.workers import Workers

__all__ = ["Runner"]

log = logging.getLogger(__name__)

_LANES = 16
_TURN_S = 0.05
_GROUP = 64
_IDLE_S = 0.002
_AFTER = {
    State.COMPLETING: State.COMPLETE,
    State.FAILING: State.FAILED,
    State.CANCELLING: State.CANCELLED,
}


class Runner:
    """Threads that run the jobs of queues with work to do."""

    def __init__(self) -> None:
        self._workers = Workers("s3-batch", _LANES)
        self._faults: tuple[Faults, ...] = ()

    def server_started(self, faults: Faults) -> None:
        """Add the faults of a server that started."""
        self._faults = (*self._faults, faults)

    def server_stopped(self, faults: Faults) -> None:
        """Remove the faults of a server that stops."""
        self._faults = tuple(fault for fault in self._faults if fault is not faults)

    def wake(self, queue: JobQueue) -> None:
        """Continue with the jobs of this queue: something changed."""
        with queue.lock:
            if queue.busy:
                return
            queue.busy = True
        self._workers.put(lambda: self._work(queue))

    def _work(self, queue: JobQueue) -> None:
        while True:
            with queue.lock:
                jobs = queue.runnable_jobs() if is_current(queue) else []
                if not jobs:
                    queue.busy = False
                    return
            moved = [self._turn(queue, job) for job in jobs]
            if not any(moved):
                time.sleep(_IDLE_S)

    def _turn(self, queue: JobQueue, job: Job) -> bool:
        """Advance one job by one step. False when no job was ready."""
        try:
            return self._step(queue, job)
        except Exception as error:
            log.warning("job %s broke", job.id, exc_info=True)
            with queue.lock:
                job.blame("InternalError", f"{type(error).__name__}: {error}")
                if job.state in (State.PREPARING, State.ACTIVE):
                    job.move_to(State.FAILING)
                elif job.state in _AFTER:
                    job.state = State.FAILING
                    job.report = Report("")
            return True

    def _step(self, queue: JobQueue, job: Job) -> bool:
        if (
            job.state not in (State.READY, State.ACTIVE, State.PAUSED)
            and time.monotonic() - job.since_s < BATCH_TIMING.state_s
        ):
            return False
        match job.state:
            case State.NEW:
                self._go(queue, job, State.PREPARING)
            case State.PREPARING:
                self._prepare(queue, job)
            case State.READY | State.PAUSED:
                self._go(queue, job, State.ACTIVE)
            case State.ACTIVE:
                self._run(queue, job)
            case State.PAUSING:
                self._go(queue, job, State.PAUSED)
            case _:
                self._end(queue, job)
        return True

    def _go(self, queue: JobQueue, job: Job, state: State) -> bool:
        """Take the next state, unless a request came first."""
        with queue.lock:
            if job.state is State.CANCELLING:
                return False
            job.move_to(state)
            return True

    def _door(self, job: Job) -> RoleS3Client:
        session = session_of(job.parameters["RoleArn"], job.region, f"s3-batch-operations_{job.id}")
        return RoleS3Client(session, self._faults)

    def _prepare(self, queue: JobQueue, job: Job) -> None:
        client = self._door(job)
        try:
            self._check_role(job)
            if "ManifestGenerator" in job.parameters:
                job.manifest, job.generated = generate(job, client)
            else:
                job.manifest = _manifest(job, client)
            check_source(job.name, job.manifest.bucket, job.region)
        except BadManifest as error:
            with queue.lock:
                if self._go(queue, job, State.FAILING):
                    job.blame(error.code, str(error))
            return
        report = job.parameters["Report"]
        with queue.lock:
            job.total = job.manifest.total
            job.rows = job.manifest.rows()
            job.report = Report(report["ReportScope"] if report["Enabled"] else "")
            job.tasks = tasks_of(job, client)
            self._go(queue, job, State.SUSPENDED if job.parameters.get("ConfirmationRequired") else State.READY)

    def _check_role(self, job: Job) -> None:
        """Raise BadManifest where a fault was ordered that lets a new role be unknown for a moment."""
        role = job.parameters["RoleArn"]
        request = Request(
            method="POST",
            path="/",
            query="",
            headers={},
            body=f'"Role": "{role}"'.encode(),
            service="s3control",
            region=job.region,
            account_id=role.split(":")[4],
            access_key="",
            operation="PrepareJob",
        )
        for fault in self._faults:
            refusal = fault.lagging(request, time.monotonic())
            if refusal is not None:
                raise BadManifest(*error_of(refusal))

    def _run(self, queue: JobQueue, job: Job) -> None:
        """Run some tasks of a job; the queue is checked again afterwards."""
        assert job.rows is not None
        assert job.tasks is not None
        until_s = time.monotonic() + _TURN_S
        group = BATCH_TIMING.together if job.name == "LambdaInvoke" else 1 if BATCH_TIMING.task_s else _GROUP
        while job.state is State.ACTIVE and time.monotonic() < until_s:
            rows = list(islice(job.rows, group))
            if not rows:
                self._go(queue, job, State.COMPLETING)
                return
            outcomes = job.tasks(rows)
            with queue.lock:
                for row, outcome in zip(rows, outcomes, strict=True):
                    job.count(row, outcome)
                if job.is_failed(BATCH_TIMING) and self._go(queue, job, State.FAILING):
                    text = f"{job.failed} of {job.succeeded + job.failed} tasks failed: more than a job may."
                    job.blame("FailureThresholdExceeded", text)
            time.sleep(BATCH_TIMING.task_s)

    def _end(self, queue: JobQueue, job: Job) -> None:
        """Write the report, where a task has run."""
        why = self._write_report(job) if job.succeeded + job.failed and job.report.scope else None
        with queue.lock:
            if why is not None:
                job.blame(*why)
                if job.state is State.COMPLETING:
                    job.report = Report("")
                    job.move_to(State.FAILING)
                    return
            job.move_to(_AFTER[job.state])

    def _write_report(self, job: Job) -> tuple[str, str] | None:
        parameters, client = job.parameters["Report"], self._door(job)
        bucket = bucket_of(parameters["Bucket"])
        for key, body, kind in job.report.files(bucket, parameters.get("Prefix", ""), job.id, datetime.now(UTC)):
            digest = hashlib.md5(body, usedforsecurity=False).digest()  # a bucket with retention requires a checksum
            headers = {"content-type": kind, "content-md5": base64.b64encode(digest).decode()}
            response = client.call("PUT", bucket, key, "PutObject", headers=headers, body=body)
            if response.status != 200:
                code, text = error_of(response)
                return "ReportNotWritten", f"The completion report could not be written: {code}: {text}"
        return None


def _manifest(job: Job, client: RoleS3Client) -> Manifest:
    """Fetch and check the manifest. BadManifest."""
    spec, location = job.parameters["Manifest"]["Spec"], job.parameters["Manifest"]["Location"]
    bucket, _, key = location["ObjectArn"].rpartition(":::")[2].partition("/")
    body, etag = _fetch(client, bucket, unquote(key) if "%" in key else key, location.get("ObjectVersionId", ""))
    if etag != location["ETag"].strip('"'):
        raise BadManifest("ManifestETagMismatch", "The manifest's ETag is not the one that the job names.")
    if spec["Format"] == "S3InventoryReport_CSV_20161130":
        return read_inventory(body, lambda place, name: _fetch(client, place, name, "")[0])
    return read_csv(body, spec["Fields"])


def _fetch(client: RoleS3Client, bucket: str, key: str, version: str) -> tuple[bytes, str]:
    """Return the body and the ETag of an object."""
    response = client.call("GET", bucket, key, "GetObject", query={"versionId": version} if version else None)
    if response.status != 200:
        code, text = error_of(response)
        raise BadManifest("ManifestNotFound" if response.status == 404 else code, f"s3://{bucket}/{key}: {text}")
    return response.body, next((value.strip('"') for name, value in response.headers if name.lower() == "etag"), "")
