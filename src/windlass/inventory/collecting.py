"""A collection as a job: anybody can watch and cancel it, and an interrupted one goes on where it stopped."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from windlass.core import clock
from windlass.core.errors import Interrupted, NotFound, WindlassError
from windlass.core.ids import new_id
from windlass.inventory.collector import CollectOptions, Progress
from windlass.inventory.model import Run
from windlass.inventory.service import Inventory
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs, RunningJob
from windlass.observe.log import logger
from windlass.store.engine import Store
from windlass.store.leases import acquire, release

__all__ = ["KIND", "collect_as_job", "collect_forever", "register"]

KIND = "inventory.collect"
_KEPT_JOBS = 200
_REPORT_EVERY_S = 0.5

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
    if resume:
        job_id = _last_resumable(jobs)
    else:
        title = "collect " + (", ".join(options.types) if options.types else "the whole estate")
        job_id = jobs.create(KIND, title, params=_params(options), unit="scopes")
    found: list[Run] = []
    with jobs.run(job_id) as running:
        found.append(_collect(inventory, running, show=show, stop=stop))
    return found[0] if found else inventory.runs(1)[0]  # a cancelled job leaves the block without a result


def register(inventory: Inventory, jobs: Jobs) -> None:
    """Let `jobs.resume` take up collections."""
    jobs.runners[KIND] = lambda running: _discard(_collect(inventory, running, show=lambda *_: None, stop=None))


def _discard(_: Run) -> None:
    return None


def _collect(inventory: Inventory, running: RunningJob, *, show: Show, stop: threading.Event | None) -> Run:
    reported = 0.0

    def progress(now: Progress) -> None:
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

    run = inventory.collect(
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
    if found is None or found.status is JobStatus.DONE:
        raise NotFound("no collection was interrupted", hint="`windlass inventory collect` starts a new one.")
    return found.job_id


def _params(options: CollectOptions) -> dict[str, Any]:
    return asdict(options)


def _options(params: Any) -> CollectOptions:
    return CollectOptions(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
    )


def collect_forever(
    inventory: Inventory,
    jobs: Jobs,
    store: Store,
    *,
    every_s: float,
    stop: threading.Event,
    finished: Callable[[Run], None] = lambda _: None,
) -> None:
    """Collect now and every `every_s` seconds until `stop`; of several processes on one store, one does it at a time.

    A failed round is logged and tried again at the next; an interrupted one goes on where it stopped.
    """
    holder = new_id("loop")
    log = logger("inventory")
    while not stop.is_set():
        began = time.monotonic()
        try:
            if acquire(store, KIND, holder, ttl_s=max(3 * every_s, 600), now=clock.now()):
                finished(collect_as_job(inventory, jobs, inventory.options(), stop=stop))
                jobs.prune(KIND, keep=_KEPT_JOBS)
        except Interrupted:
            break
        except WindlassError as error:
            log.warning("collection.failed", error=error.message, hint=error.hint)
        stop.wait(max(0.0, every_s - (time.monotonic() - began)))
    with contextlib.suppress(WindlassError):
        release(store, KIND, holder)
