"""A collection as a job: it can be watched and cancelled, and an interrupted one is resumed with its remaining scopes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from windlass.core import clock
from windlass.core.errors import Interrupted, NotFound, StoreError, WindlassError
from windlass.inventory.collector import CollectOptions, CollectProgress
from windlass.inventory.model import Run
from windlass.inventory.service import Inventory
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs, RunningJob
from windlass.observe.log import logger
from windlass.store.leases import POLL_S, Lease, LeaseLost

__all__ = ["KIND", "collect_as_job", "collect_forever", "register", "resume_abandoned"]

KIND = "inventory.collect"
_KEPT_JOBS = 200
_REPORT_INTERVAL_S = 0.5
_MAX_RESUME_AGE = timedelta(hours=24)  # the scopes that an older run scanned are out of date: a new run scans all

Show = Callable[[int, int, str], None]


def collect_as_job(
    inventory: Inventory,
    jobs: Jobs,
    options: CollectOptions,
    *,
    resume: bool = False,
    show: Show = lambda *_: None,
    stop: threading.Event | None = None,
) -> Run:
    """Collect as a new job, or as the last resumable one. NotFound when no job can be resumed."""
    return _run(inventory, jobs, options, job_id=_last_resumable(jobs) if resume else "", show=show, stop=stop)


def _run(
    inventory: Inventory,
    jobs: Jobs,
    options: CollectOptions,
    *,
    job_id: str = "",
    show: Show = lambda *_: None,
    stop: threading.Event | None = None,
    under: Sequence[Lease] = (),
    loop: bool = False,
) -> Run:
    """Collect as the given job, or as a new one when `job_id` is empty."""
    _end_abandoned_runs(inventory, jobs, but_not=job_id)
    title = "collect " + (", ".join(options.types) if options.types else "the estate")
    job = (
        jobs.run(job_id, under=under)
        if job_id
        else jobs.run_new(KIND, title, params=_params(options, loop=loop), unit="scopes", under=under)
    )
    runs: list[Run] = []
    with job as running:
        runs.append(_collect(inventory, running, show=show, stop=stop))
    return runs[0] if runs else inventory.runs(1)[0]  # a cancelled job ends the block without a result


def register(inventory: Inventory, jobs: Jobs) -> None:
    """Register how `jobs.resume` resumes a collection."""
    jobs.runners[KIND] = lambda running: _discard(_collect(inventory, running, show=lambda *_: None, stop=None))


def _discard(_: Run) -> None:
    return None


def _collect(inventory: Inventory, running: RunningJob, *, show: Show, stop: threading.Event | None) -> Run:
    reported = 0.0

    def progress(now: CollectProgress) -> None:
        nonlocal reported
        detail = f"{now.resources:,} resources, {now.calls:,} calls" + (
            f", {now.errors:,} errors" if now.errors else ""
        )
        detail += f", {now.workers:,} workers" if now.workers > 1 else ""
        show(now.scopes_done, now.scopes_total, detail)
        if stop is not None and stop.is_set():
            running.stop.set()
        if time.monotonic() - reported >= _REPORT_INTERVAL_S:
            reported = time.monotonic()
            running.report(done=now.scopes_done, total=now.scopes_total, detail=detail)

    def started(run_id: str) -> None:
        running.report(checkpoint={"run_id": run_id})

    run = inventory.on(running.store).collect(
        _options(running.params),
        progress=progress,
        stop=running.stop,
        job_id=running.job_id,
        resume_run_id=str(running.checkpoint.get("run_id", "")),
        started=started,
    )
    summary = f"{run.created:,} created, {run.updated:,} updated, {run.deleted:,} deleted"
    running.report(done=run.scopes_done, total=run.scopes_total, detail=f"{run.resources:,} resources: {summary}")
    running.log(f"{run.run_id} {run.status}: {run.scopes_done:,} of {run.scopes_total:,} scopes, {summary}")
    running.check()
    return run


def _last_resumable(jobs: Jobs) -> str:
    resumable = next((job for job in jobs.list(kind=KIND, limit=20) if job.status.resumable), None)
    if resumable is None:
        raise NotFound("there is no interrupted collection", hint="`windlass inventory collect` starts a new one.")
    return resumable.job_id


def _params(options: CollectOptions, *, loop: bool = False) -> dict[str, Any]:
    """Return the job's parameters. The loop resumes only jobs marked `loop`, never one that a person interrupted."""
    return asdict(options) | ({"loop": True} if loop else {})


def _options(params: Mapping[str, Any]) -> CollectOptions:
    values = {name: tuple(value) for name, value in params.items() if isinstance(value, (list, tuple))}
    return CollectOptions(**values, full=bool(params.get("full", False)))


def collect_forever(
    inventory: Inventory,
    jobs: Jobs,
    *,
    interval_s: float,
    stop: threading.Event,
    finished: Callable[[Run], None] = lambda _: None,
) -> None:
    """Collect now and every `interval_s` seconds until `stop`; of several processes on one store, one collects.

    An interrupted run, of this process or another, is resumed first. A failed collection is logged, and the next one
    begins `interval_s` after its start.
    """
    log = logger("inventory")

    def collect_once(lease: Lease) -> float:
        started_s = time.monotonic()
        try:
            options = inventory.options()
            job = jobs.unfinished(KIND, _params(options, loop=True))
            if job is not None and job.status is JobStatus.RUNNING:  # in a process that has lost the loop's lease
                return POLL_S
            job_id = job.job_id if job is not None and clock.now() - job.created_at < _MAX_RESUME_AGE else ""
            if job_id:
                log.info("collection.resumed", job_id=job_id)
            finished(_run(inventory, jobs, options, job_id=job_id, stop=stop, under=[lease], loop=True))
            jobs.prune(KIND, keep=_KEPT_JOBS)
        except Interrupted:
            return 0.0  # `stop` is set, or the database was unreachable too long: the run is resumed
        except LeaseLost:
            raise
        except StoreError as error:  # the database restarts: the run is resumed as soon as it answers
            log.warning("collection.failed", error=error.message, hint=error.hint)
            return POLL_S
        except WindlassError as error:
            log.warning("collection.failed", error=error.message, hint=error.hint)
        return max(0.0, interval_s - (time.monotonic() - started_s))

    jobs.leases.run_alone(KIND, collect_once, stop=stop)


def _end_abandoned_runs(inventory: Inventory, jobs: Jobs, *, but_not: str) -> None:
    """Mark runs whose process was killed as interrupted; they may be resumed later. Workers leave them.

    The run of the job `but_not` is about to be resumed: its workers continue.
    """
    ended = {job.job_id: job for job in jobs.list(kind=KIND, limit=_KEPT_JOBS) if job.status.ended}
    for run in inventory.runs(limit=_KEPT_JOBS):
        if run.status == "running" and run.job_id in ended and run.job_id != but_not:
            inventory.interrupt_run(run.run_id, at=ended[run.job_id].finished_at)


def resume_abandoned(
    inventory: Inventory, jobs: Jobs, job_id: str, *, stop: threading.Event, show: Show = lambda *_: None
) -> Run | None:
    """Coordinate a collection whose process is gone. None when that process lives, or when a person stopped the collection."""
    job = jobs.get(job_id)  # marks it as interrupted, with an error, when its process is gone
    if job.status is not JobStatus.INTERRUPTED or not job.error or clock.now() - job.created_at >= _MAX_RESUME_AGE:
        return None
    return _run(inventory, jobs, _options(job.params), job_id=job_id, show=show, stop=stop)
