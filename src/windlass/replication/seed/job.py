"""Seeds as a job: prepares all pairs in parallel, polls all batch jobs with one ListJobs per account and region, and
finishes them.

Any process with the store can watch and cancel the job. An interrupted job continues with the state of AWS. Batch jobs
run without this process: a detached seed ends this job once they are created. `watch` then polls and finishes them, on
any machine that shares the store or can list the jobs in AWS.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from windlass.core.errors import Conflict, Interrupted, NotFound, UsageError
from windlass.core.ids import new_id
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs, RunningJob
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.batch.report_download import failed_rows
from windlass.replication.model import BatchJob, BucketRef, Method, Operation, Pair, SeedState
from windlass.replication.planning import aws
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.request import SeedRequest
from windlass.replication.rows import IDLE
from windlass.replication.seed.checkpoint import BatchCheckpoint, new_checkpoint
from windlass.replication.seed.outcome import SeedOutcome, incomplete_error
from windlass.replication.seed.runner import Callbacks, SeedRunner
from windlass.replication.seed.task import SeedTask
from windlass.replication.service import Replication
from windlass.store.leases import Lease

__all__ = [
    "KIND",
    "adopt",
    "begin",
    "cancel",
    "follow",
    "register",
    "requests_of",
    "retry",
    "run",
    "unfinished",
    "wait",
    "write_failed",
]

KIND = "replication.seed"
_STOPPABLE = ("New", "Preparing", "Suspended", "Ready", "Active", "Pausing", "Paused")


def begin(
    replication: Replication,
    jobs: Jobs,
    plans: Sequence[PairPlan],
    request: SeedRequest,
    *,
    set_name: str = "",
    params: Mapping[str, object] | None = None,
) -> str:
    """Create a job for these plans, without a write to AWS, and return its id. Raises the error of the first plan that
    cannot be seeded.
    """
    refused = [plan for plan in plans if plan.error is not None]
    if refused:
        error = refused[0].error
        assert error is not None
        if len(refused) > 1:
            names = ", ".join(plan.pair.title for plan in refused[1:4])
            error = error.with_context(
                suffix=f"; and {len(refused) - 1} more pairs cannot be seeded: {names}{' …' if len(refused) > 4 else ''}"
            )
        raise error
    tasks = [_seed(replication, plan, request, set_name) for plan in plans if plan.choice is not None]
    return _start(replication, jobs, tasks, request, set_name, params)


def retry(replication: Replication, jobs: Jobs, seeds: Sequence[SeedTask], request: SeedRequest) -> str:
    """Create a job that retries the failed tasks of these seeds' batch jobs. UsageError when none failed."""
    failed = [seed for seed in seeds if seed.failed and seed.jobs]
    if not failed:
        raise UsageError(
            "no object failed in a batch job of these seeds", hint="`windlass replicate report` shows what failed."
        )
    now = replication.now()
    tasks = [
        SeedTask(
            seed_id=new_id("seed", now),
            job_id="",
            set_name=seed.set_name,
            pair=seed.pair,
            method=Method.BATCH,
            operation=seed.operation,
            why=f"failed tasks of {seed.seed_id}",
            state=SeedState.QUEUED,
            total=seed.failed,
            created_at=now,
            updated_at=now,
            checkpoint=BatchCheckpoint(retry_of=seed.jobs, cutoff_at=seed.checkpoint.cutoff_at),
        )
        for seed in failed
    ]
    return _start(replication, jobs, tasks, request, failed[0].set_name)


def run(
    replication: Replication,
    jobs: Jobs,
    job_id: str,
    callbacks: Callbacks | None = None,
    *,
    stop: threading.Event | None = None,
    under: Sequence[Lease] = (),
) -> list[SeedTask]:
    """Run a job to its end, or (detached) until every batch job is created. PartialFailure when objects failed.

    Interrupted when `stop` was set, or a lease of `under` was lost, before the end.
    """
    with jobs.run(job_id, under=under) as running:
        _run(replication, running, callbacks or Callbacks(), stop)
    return replication.seeds(job_id=job_id)


def resume(
    replication: Replication, jobs: Jobs, seeds: Sequence[SeedTask], callbacks: Callbacks, *, must_resume: bool
) -> None:
    """Run the jobs of these seeds that can be resumed. With `must_resume`, UsageError for a job that cannot."""
    for job_id in dict.fromkeys(seed.job_id for seed in seeds if seed.job_id):
        job = jobs.get(job_id)
        if job.status.resumable:
            run(replication, jobs, job_id, callbacks)
        elif must_resume:
            where = f" on {job.holder}" if not job.status.ended else ""
            raise UsageError(
                f"{job_id} is {job.status}{where}: there is nothing to resume",
                hint="`windlass replicate watch` follows it.",
            )


def register(replication: Callable[[], Replication], jobs: Jobs) -> None:
    """Register the runner with which `jobs.resume` continues seeds."""
    jobs.runners[KIND] = lambda running: _run(replication(), running, Callbacks())


def follow(
    replication: Replication,
    seeds: Sequence[SeedTask],
    callbacks: Callbacks,
    stop: threading.Event,
    *,
    requests: Callable[[SeedTask], SeedRequest] = lambda _: SeedRequest(),
    wait: bool = True,
) -> list[SeedTask]:
    """Poll seeds that another process started, and finish those whose jobs have ended. With `wait`, poll until all have
    ended.
    """
    runner = SeedRunner(replication, {seed.seed_id: seed for seed in seeds}, requests, callbacks, stop)
    runner.work(prepare=False, wait=wait)
    return list(runner.seeds.values())


def refresh(
    replication: Replication,
    jobs: Jobs,
    seeds: Sequence[SeedTask],
    callbacks: Callbacks,
    *,
    verify: bool,
    wait: bool,
) -> list[SeedTask]:
    """Poll the seeds that no process works on, and finish those whose jobs have ended; return all seeds as they are now.

    With `wait`, poll until they have ended.
    """
    detached = unfinished(jobs, seeds)
    requests = requests_of(jobs, verify=verify)
    followed = follow(replication, detached, callbacks, threading.Event(), requests=requests, wait=wait)
    current = {seed.seed_id: seed for seed in followed}
    return [current.get(seed.seed_id, seed) for seed in seeds]


def requests_of(jobs: Jobs, *, verify: bool = True) -> Callable[[SeedTask], SeedRequest]:
    """Return a function from a task to the request that its job holds."""

    def request_of(seed: SeedTask) -> SeedRequest:
        try:
            request = SeedRequest.of(jobs.get(seed.job_id).params["request"])
        except (NotFound, KeyError):  # an adopted seed, or one whose job was deleted
            request = SeedRequest()
        return request if verify else replace(request, verify=False)

    return request_of


def adopt(replication: Replication) -> list[SeedTask]:
    """Find seeds of batch jobs in AWS that another machine created and this store does not have, and store them."""
    known = {job_id for seed in replication.seeds(limit=100_000) for _, _, job_id in seed.jobs}
    jobs_by_seed: dict[str, list[BatchJob]] = {}
    for job in batch.find_jobs(replication.estate):
        if job.job_id not in known:
            jobs_by_seed.setdefault(job.description.split(" ", 2)[1].rstrip(":"), []).append(job)
    return [_adopted(replication, seed_id, sorted(jobs, key=_made)) for seed_id, jobs in jobs_by_seed.items()]


def cancel(replication: Replication, jobs: Jobs, seeds: Sequence[SeedTask]) -> list[str]:
    """Stop seeds: their batch jobs in AWS, and the job that runs them here. Return a line for each. Conflict when all
    have ended.
    """
    live = [seed for seed in seeds if not seed.state.ended]
    if not live:
        raise Conflict("these seeds have already ended", hint="`windlass replicate status` shows their results.")
    lines = []
    for seed in live:
        for account_id, region, job_id in seed.jobs:
            status = batch.describe(replication.estate, account_id, region, job_id).status
            if status in _STOPPABLE:
                batch.request_status(
                    replication.estate, account_id, region, job_id, "Cancelled", "cancelled with windlass"
                )
                lines.append(f"{seed.pair.title}: batch job {job_id} is being cancelled")
        if not seed.jobs:
            replication.save(seed, state=SeedState.CANCELLED, detail="cancelled")
            lines.append(f"{seed.pair.title}: cancelled")
    for job_id in {seed.job_id for seed in live if seed.job_id}:
        if not jobs.get(job_id).status.ended:
            jobs.cancel(job_id)
    return lines


def wait(
    replication: Replication, jobs: Jobs, seeds: Sequence[SeedTask], show: Callable[[Sequence[SeedTask]], object]
) -> list[SeedTask]:
    """Wait until another process has finished the seeds, according to the store. Interrupted when that process is gone."""
    ids = [seed.seed_id for seed in seeds]
    tasks = {seed.seed_id: seed for seed in seeds}
    while True:
        show([tasks[seed_id] for seed_id in ids])
        left = [task for task in tasks.values() if not task.state.ended and task.state is not SeedState.WAITING]
        if not left:
            return [tasks[seed_id] for seed_id in ids]
        for job_id in {task.job_id for task in left if task.job_id}:
            job = jobs.get(job_id)
            if job.status is JobStatus.INTERRUPTED:
                raise Interrupted(
                    f"{job_id} was interrupted: {job.error or job.detail or 'its process stopped'}",
                    hint=f"`windlass replicate resume {job_id}` continues it.",
                )
        time.sleep(min(1.0, replication.config.poll_s))
        tasks |= {seed.seed_id: seed for seed in replication.seeds(limit=100_000) if seed.seed_id in tasks}


def write_failed(replication: Replication, seeds: Sequence[SeedTask], path: Path) -> int:
    """Write the manifest rows of one seed's failed tasks to a file, and return their number. UsageError for several
    seeds.
    """
    count = 0
    if sum(bool(seed.failed) for seed in seeds) > 1:
        raise UsageError(
            "a manifest holds one pair, and several seeds have failures", hint="Name one seed with --failed."
        )
    with path.open("wb") as file:
        for seed in seeds:
            for job_at in seed.jobs if seed.failed else ():
                job = batch.describe(replication.estate, *job_at)
                for rows in failed_rows(replication.estate, job, batch.job_bucket(seed.operation, seed.pair)):
                    count += rows.count(b"\n")
                    file.write(rows)
    return count


def _start(
    replication: Replication,
    jobs: Jobs,
    tasks: Sequence[SeedTask],
    request: SeedRequest,
    set_name: str,
    params: Mapping[str, object] | None = None,
) -> str:
    title = (
        f"seed set {set_name}: {len(tasks)} pairs"
        if set_name
        else f"seed {tasks[0].pair.title}"
        if tasks
        else "seed nothing"
    )
    return jobs.create(
        KIND,
        title,
        params=params or {"request": request.params(), "set": set_name},
        unit="objects",
        write=lambda connection, job_id: replication.add(connection, tasks, job_id),
    )


def _seed(replication: Replication, plan: PairPlan, request: SeedRequest, set_name: str) -> SeedTask:
    assert plan.choice is not None
    now = replication.now()
    done = plan.is_done(request)
    volume = plan.volume
    return SeedTask(
        seed_id=new_id("seed", now),
        job_id="",
        set_name=set_name,
        pair=plan.pair,
        method=plan.choice.method,
        operation=plan.choice.operation,
        why=plan.choice.why,
        state=SeedState.DONE if done else SeedState.QUEUED,
        total=0 if done or volume is None else volume.to_move,
        size_bytes=0 if done or volume is None else volume.bytes_to_move,
        detail=IDLE if done else "",
        created_at=now,
        updated_at=now,
        checkpoint=new_checkpoint(plan.choice.method, first_replication=plan.is_first),
        finished_at=now if done else None,
    )


def _run(
    replication: Replication, running: RunningJob, callbacks: Callbacks, stop: threading.Event | None = None
) -> None:
    replication = replication.on(running.store)
    request = SeedRequest.of(running.params["request"])
    seeds = {seed.seed_id: seed for seed in replication.seeds(job_id=running.job_id, limit=100_000)}

    def show(tasks: Sequence[SeedTask]) -> None:
        if stop is not None and stop.is_set():
            running.stop.set()
        running.report(
            done=sum(task.done + task.failed for task in tasks),
            total=sum(task.total for task in tasks),
            detail=_counts(tasks),
        )
        callbacks.show(tasks)

    runner = SeedRunner(replication, seeds, lambda _: request, Callbacks(show, callbacks.ask), running.stop)
    runner.work(prepare=True, wait=not request.detach)
    for task in runner.seeds.values():
        if SeedOutcome(task).incomplete:
            running.log(f"{task.pair.title}: {task.state}: {task.error or SeedOutcome(task).line}", level="error")
    error = incomplete_error(
        [SeedOutcome(seed) for seed in runner.seeds.values()],
        f"windlass replicate report {running.job_id} shows why; windlass replicate resume {running.job_id} continues.",
    )
    if error is not None:
        raise error


def _counts(seeds: Iterable[SeedTask]) -> str:
    counted: dict[str, int] = {}
    for seed in seeds:
        counted[str(seed.state)] = counted.get(str(seed.state), 0) + 1
    return ", ".join(f"{number} {state}" for state, number in counted.items())


def _made(job: BatchJob) -> str:
    return job.created_at.isoformat() if job.created_at else ""


def _adopted(replication: Replication, seed_id: str, jobs: Sequence[BatchJob]) -> SeedTask:
    first = jobs[0]
    tags = batch.tags_of(replication.estate, first)
    operation = {"S3PutObjectCopy": Operation.COPY, "LambdaInvoke": Operation.LAMBDA}.get(
        first.operation, Operation.REPLICATE
    )
    known = aws.known_buckets(replication.estate)
    here, there = (
        BucketRef(bucket=name, account_id=known.get(name, ("", ""))[0], region=known.get(name, ("", ""))[1])
        for name in (tags.get("windlass:source", ""), tags.get("windlass:destination", ""))
    )
    now = replication.now()
    return replication.save(
        SeedTask(
            seed_id=seed_id,
            job_id="",
            set_name=tags.get("windlass:set", ""),
            pair=Pair(source=here, destination=there),
            method=Method.BATCH,
            operation=operation,
            why="found in AWS",
            state=SeedState.COPYING,
            checkpoint=BatchCheckpoint(),
            jobs=tuple((job.account_id, job.region, job.job_id) for job in jobs),
            total=sum(job.total for job in jobs),
            created_at=first.created_at or now,
            started_at=first.created_at,
            updated_at=now,
        )
    )


def unfinished(jobs: Jobs, seeds: Iterable[SeedTask]) -> list[SeedTask]:
    """Return the unfinished seeds that no process works on: detached ones, and those of a process that is gone."""
    running = {job.job_id for job in jobs.list(status=JobStatus.RUNNING, kind=KIND, limit=1000)}
    return [seed for seed in seeds if not seed.state.ended and seed.job_id not in running]
