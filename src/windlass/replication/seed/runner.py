"""The runner of many seeds: tasks are prepared in parallel, polled by one ListJobs per account and region, and finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from windlass.core.errors import Interrupted, NotFound, WindlassError
from windlass.observe.log import logger
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.method import Poll
from windlass.replication.methods.registry import METHODS
from windlass.replication.model import BatchJob, SeedState
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.context import SeedContext
from windlass.replication.seed.task import SeedTask
from windlass.replication.seed.workflow import Workflow
from windlass.replication.service import Replication

__all__ = ["Callbacks", "SeedRunner", "confirm"]

_TICK_S = 0.2
_UNDER_WAY = (SeedState.COPYING, SeedState.WAITING, SeedState.VERIFYING)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Callbacks of a run. `show` receives all tasks at intervals; `ask` confirms a job whose tasks S3 has counted
    (None: the job waits).
    """

    show: Callable[[Sequence[SeedTask]], object] = lambda _: None
    ask: Callable[[SeedTask], bool] | None = None


def confirm(replication: Replication, seeds: Sequence[SeedTask]) -> list[SeedTask]:
    """Confirm the jobs that await confirmation, and return their tasks."""
    confirmed = []
    for seed in seeds:
        if seed.state is SeedState.WAITING:
            batch.request_status(replication.estate, *seed.jobs[-1], "Ready", "confirmed with windlass")
            confirmed.append(replication.save(seed, state=SeedState.COPYING, detail="confirmed"))
    return confirmed


@dataclass(slots=True)
class SeedRunner:
    """Runs the workflows of many tasks until all have ended or await confirmation."""

    replication: Replication
    seeds: dict[str, SeedTask]
    request_of: Callable[[SeedTask], SeedRequest]
    callbacks: Callbacks
    stop: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: dict[str, Future[SeedTask]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def work(self, *, prepare: bool, wait: bool) -> None:
        """Start new tasks (`prepare`), and poll until all have ended; without `wait`, poll once."""
        workflow = Workflow(SeedContext(self.replication, self.stop, self._keep))
        with ThreadPoolExecutor(self.replication.config.concurrency, thread_name_prefix="seed") as pool:
            try:
                if prepare:
                    for seed in self._fresh():
                        self._submit(pool, seed, workflow.prepare)
                self._loop(pool, workflow, wait)
            except BaseException:
                self.stop.set()
                for future in self._busy.values():
                    future.cancel()
                raise

    def _loop(self, pool: ThreadPoolExecutor, workflow: Workflow, wait: bool) -> None:
        poll_s, polled_at = self.replication.config.poll_s, float("-inf")
        while True:
            self._collect(workflow)
            if time.monotonic() - polled_at >= poll_s:
                self._poll(pool, workflow)
                polled_at = time.monotonic()
            self.callbacks.show(self._tasks())
            if not self._busy and (self._all_ended() or not wait or self._only_waiting()):
                return
            if self.stop.wait(min(_TICK_S, poll_s) if self._busy else poll_s):
                raise Interrupted(
                    "the seed was stopped", hint="`windlass replicate resume` continues it; batch jobs continue in AWS."
                )

    def _fresh(self) -> list[SeedTask]:
        """Return the tasks to start or restart: those without a running job in AWS."""
        fresh = []
        for task in self._tasks():
            in_flight = task.state in _UNDER_WAY and METHODS[task.method].in_flight(task)
            if task.state is not SeedState.DONE and not in_flight:
                fresh.append(self._restart(task) if task.state.ended else task)
        return fresh

    def _restart(self, task: SeedTask) -> SeedTask:
        """Save a failed task as queued again, with the checkpoint from which its method starts once more."""
        checkpoint = METHODS[task.method].restarted(task)
        restarted = self.replication.save(
            task,
            state=SeedState.QUEUED,
            checkpoint=checkpoint,
            jobs=(),
            failed=0,
            done=0,
            error="",
            detail="",
            verified={},
            finished_at=None,
        )
        self._keep(restarted)  # the previous run's end would otherwise be shown as this run's
        return restarted

    def _submit(
        self, pool: ThreadPoolExecutor, seed: SeedTask, step: Callable[[SeedTask, SeedRequest], SeedTask]
    ) -> None:
        request = self.request_of(seed)
        task = replace(seed, options=request.copy_options(self.replication.config))
        self._busy[seed.seed_id] = pool.submit(step, task, request)

    def _collect(self, workflow: Workflow) -> None:
        for seed_id, future in [item for item in self._busy.items() if item[1].done()]:
            del self._busy[seed_id]
            error = future.exception()
            if error is None:
                self._keep(future.result())
            elif isinstance(error, Interrupted) or not isinstance(error, Exception):
                raise error
            elif isinstance(error, WindlassError):
                self._keep(workflow.fail(self.seeds[seed_id], error))
            else:  # An unexpected error ends only this seed.
                logger("replication").error("seed.broke", seed=seed_id, exc_info=error)
                self._keep(workflow.fail(self.seeds[seed_id], WindlassError(f"{type(error).__name__}: {error}")))

    def _poll(self, pool: ThreadPoolExecutor, workflow: Workflow) -> None:
        """Read the status of every job in AWS once, and submit the next step of each task whose job has ended."""
        live = [task for task in self._tasks() if task.seed_id not in self._busy and task.state in _UNDER_WAY]
        jobs = self._batch_jobs(live)
        for task in live:
            polled, poll = METHODS[task.method].poll(task, jobs, workflow.context)
            self._keep(polled)
            if poll is Poll.NEXT_JOB:
                self._submit(pool, polled, workflow.next_job)
            elif poll is Poll.ENDED:
                self._submit(pool, polled, workflow.finish)
            elif polled.state is SeedState.WAITING:
                self._ask_to_confirm(polled)

    def _ask_to_confirm(self, task: SeedTask) -> None:
        ask = self.callbacks.ask
        if ask is None or task.seed_id in self._asked:
            return
        self._asked.add(task.seed_id)
        if ask(task):
            for confirmed in confirm(self.replication, [task]):
                self._keep(confirmed)

    def _batch_jobs(self, seeds: Iterable[SeedTask]) -> dict[str, BatchJob]:
        """Return the batch jobs of these tasks by id, with one ListJobs per account and region."""
        places: dict[tuple[str, str], set[str]] = {}
        for seed in seeds:
            for account_id, region, job_id in seed.jobs:
                places.setdefault((account_id, region), set()).add(job_id)
        jobs: dict[str, BatchJob] = {}
        for place, job_ids in places.items():
            listed = batch.list_jobs(self.replication.estate, *place, job_ids=job_ids)
            for job_id in job_ids - listed.keys():  # S3 lists jobs for 90 days
                try:
                    listed[job_id] = batch.describe(self.replication.estate, *place, job_id)
                except NotFound:
                    listed[job_id] = BatchJob(job_id=job_id, account_id=place[0], region=place[1], status="Failed")
            jobs |= listed
        return jobs

    def _keep(self, seed: SeedTask) -> None:
        with self._lock:
            self.seeds[seed.seed_id] = seed

    def _tasks(self) -> list[SeedTask]:
        with self._lock:
            return list(self.seeds.values())

    def _all_ended(self) -> bool:
        return all(task.state.ended for task in self._tasks())

    def _only_waiting(self) -> bool:
        """True when every unfinished task awaits confirmation and no prompt is available."""
        left = [task for task in self._tasks() if not task.state.ended]
        if self.callbacks.ask is not None:
            left = [task for task in left if task.seed_id not in self._asked or task.state is not SeedState.WAITING]
            return not left
        return all(task.state is SeedState.WAITING for task in left)
