"""A collection as a job: anybody can watch and cancel it, and an interrupted one goes on where it stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
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

__all__ = ["KIND", "collect_as_job", "collect_forever", "register"]

KIND = "inventory.collect"
_KEPT_JOBS = 200
_REPORT_EVERY_S = 0.5
_RESUMED_WITHIN = timedelta(hours=24)  # what an older run has visited is out of date: a new run visits everything

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
    """Collect under a new job, or under the last resumable one. NotFound when there is nothing to resume."""
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
    """Collect under the job, or under a new one where `job_id` is empty."""
    _end_abandoned_runs(inventory, jobs)
    title = "collect " + (", ".join(options.types) if options.types else "the whole estate")
    begun = (
        jobs.run(job_id, under=under)
        if job_id
        else jobs.run_new(KIND, title, params=_params(options, loop=loop), unit="scopes", under=under)
    )
    runs: list[Run] = []
    with begun as running:
        runs.append(_collect(inventory, running, show=show, stop=stop))
    return runs[0] if runs else inventory.runs(1)[0]  # a cancelled job leaves the block without a result


def register(inventory: Inventory, jobs: Jobs) -> None:
    """Let `jobs.resume` take up collections."""
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
        show(now.scopes_done, now.scopes_total, detail)
        if stop is not None and stop.is_set():
            running.stop.set()
        if time.monotonic() - reported >= _REPORT_EVERY_S:
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
    found = next((job for job in jobs.list(kind=KIND, limit=20) if job.status.resumable), None)
    if found is None:
        raise NotFound("no collection was interrupted", hint="`windlass inventory collect` starts a new one.")
    return found.job_id


def _params(options: CollectOptions, *, loop: bool = False) -> dict[str, Any]:
    """`loop` marks a job as the loop's: only those does the loop resume, never what a person has interrupted."""
    return asdict(options) | ({"loop": True} if loop else {})


def _options(params: Any) -> CollectOptions:
    return CollectOptions(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in params.items() if name != "loop"}
    )


def collect_forever(
    inventory: Inventory,
    jobs: Jobs,
    *,
    interval_s: float,
    stop: threading.Event,
    finished: Callable[[Run], None] = lambda _: None,
) -> None:
    """Collect now and every `interval_s` seconds until `stop`; of several processes on one store, one does it.

    A run that was interrupted, in this process or another, goes on first. A failed round is logged, and the next one is
    `interval_s` after its start.
    """
    log = logger("inventory")

    def collect_round(lease: Lease) -> float:
        began = time.monotonic()
        try:
            options = inventory.options()
            job = jobs.unfinished(KIND, _params(options, loop=True))
            if job is not None and job.status is JobStatus.RUNNING:  # on a process that has lost the loop's lease
                return POLL_S
            job_id = job.job_id if job is not None and clock.now() - job.created_at < _RESUMED_WITHIN else ""
            if job_id:
                log.info("collection.resumed", job_id=job_id)
            finished(_run(inventory, jobs, options, job_id=job_id, stop=stop, under=[lease], loop=True))
            jobs.prune(KIND, keep=_KEPT_JOBS)
        except Interrupted:
            return 0.0  # `stop` is set; or the database was away too long, and the run goes on
        except LeaseLost:
            raise
        except StoreError as error:  # the database restarts: the run goes on as soon as it is back
            log.warning("collection.failed", error=error.message, hint=error.hint)
            return POLL_S
        except WindlassError as error:
            log.warning("collection.failed", error=error.message, hint=error.hint)
        return max(0.0, interval_s - (time.monotonic() - began))

    jobs.leases.run_alone(KIND, collect_round, stop=stop)


def _end_abandoned_runs(inventory: Inventory, jobs: Jobs) -> None:
    """Mark runs whose process was killed as interrupted; one of them may be resumed later."""
    ended = {job.job_id: job for job in jobs.list(kind=KIND, limit=_KEPT_JOBS) if job.status.ended}
    for run in inventory.runs(limit=_KEPT_JOBS):
        if run.status == "running" and run.job_id in ended:
            inventory.interrupt_run(run.run_id, at=ended[run.job_id].finished_at)
