"""Working on many seeds at once: prepared side by side, followed by one ListJobs a place, finished as their jobs end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from windlass.core.errors import Interrupted, NotFound, WindlassError
from windlass.observe.log import logger
from windlass.replication.methods.batch import job as batch
from windlass.replication.model import BatchJob, Seed, State
from windlass.replication.planning.plan import Request
from windlass.replication.seed.workflow import Workflow
from windlass.replication.service import Replication

__all__ = ["Callbacks", "SeedRunner", "confirm"]

_TICK_S = 0.2
_UNDER_WAY = (State.COPYING, State.WAITING, State.VERIFYING)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Who watches: `show` gets all seeds now and then, `ask` says whether a counted job shall run (None: leave it waiting)."""

    show: Callable[[Sequence[Seed]], object] = lambda _: None
    ask: Callable[[Seed], bool] | None = None


def confirm(replication: Replication, seeds: Sequence[Seed]) -> list[Seed]:
    """Let jobs run that wait for it; those seeds as they are now."""
    confirmed = []
    for seed in seeds:
        if seed.state is State.WAITING:
            batch.request_status(replication.estate, *seed.jobs[-1], "Ready", "confirmed with windlass")
            confirmed.append(replication.save(seed, state=State.COPYING, detail="confirmed"))
    return confirmed


@dataclass(slots=True)
class SeedRunner:
    """Works on seeds until all have ended (or wait for somebody, or need not be waited for)."""

    replication: Replication
    seeds: dict[str, Seed]
    request_of: Callable[[Seed], Request]
    hooks: Callbacks
    stop: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: dict[str, Future[Seed]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def work(self, *, prepare: bool, wait: bool) -> None:
        """Begin what has not begun (`prepare`), and go on until all have ended, or (not `wait`) once over what has."""
        steps = Workflow(self.replication, self.stop, self._keep)
        with ThreadPoolExecutor(self.replication.config.concurrency, thread_name_prefix="seed") as pool:
            try:
                if prepare:
                    for seed in self._fresh():
                        self._submit(pool, seed, steps.prepare)
                self._loop(pool, steps, wait)
            except BaseException:
                self.stop.set()
                for future in self._busy.values():
                    future.cancel()
                raise

    def _loop(self, pool: ThreadPoolExecutor, steps: Workflow, wait: bool) -> None:
        poll_s, looked = self.replication.config.poll_s, float("-inf")
        while True:
            self._collect(steps)
            if time.monotonic() - looked >= poll_s:
                self._look(pool, steps)
                looked = time.monotonic()
            self.hooks.show(self._now())
            if not self._busy and (self._all_ended() or not wait or self._only_waiting()):
                return
            if self.stop.wait(min(_TICK_S, poll_s) if self._busy else poll_s):
                raise Interrupted(
                    "the seed was stopped", hint="`windlass replicate resume` goes on; batch jobs run on in AWS."
                )

    def _fresh(self) -> list[Seed]:
        """Seeds to be begun, or begun again: nothing of theirs runs in AWS."""
        found = []
        for seed in self._now():
            under_way = seed.state in _UNDER_WAY and (seed.jobs or seed.facts.get("emr"))
            if seed.state is not State.DONE and not under_way:
                found.append(self._again(seed) if seed.state.ended else seed)
        return found

    def _again(self, seed: Seed) -> Seed:
        """A seed that ended badly, as it is taken up once more: with what failed, where a report tells; else anew."""
        facts: dict[str, Any] = {"manifests": None, "status": ""}
        if seed.verified.get("missing"):  # whatever S3 says of their status, they are not there
            facts["first"] = True
        if seed.jobs and seed.failed:
            facts["retry_of"] = [list(one) for one in seed.jobs]
        kept = {name: value for name, value in {**seed.facts, **facts}.items() if value is not None}
        begun = self.replication.save(_bare(seed, kept), state=State.QUEUED)
        self._keep(begun)  # or the end of the earlier run would be shown as this one's
        return begun

    def _submit(self, pool: ThreadPoolExecutor, seed: Seed, step: Callable[[Seed, Request], Seed]) -> None:
        request = self.request_of(seed)
        self._busy[seed.seed_id] = pool.submit(step, seed, request)

    def _collect(self, steps: Workflow) -> None:
        for seed_id, future in [item for item in self._busy.items() if item[1].done()]:
            del self._busy[seed_id]
            error = future.exception()
            if error is None:
                self._keep(future.result())
            elif isinstance(error, Interrupted) or not isinstance(error, Exception):
                raise error
            elif isinstance(error, WindlassError):
                self._keep(steps.fail(self.seeds[seed_id], error))
            else:  # a fault of ours ends this seed, not two hundred others
                logger("replication").error("seed.broke", seed=seed_id, exc_info=error)
                self._keep(steps.fail(self.seeds[seed_id], WindlassError(f"{type(error).__name__}: {error}")))

    def _look(self, pool: ThreadPoolExecutor, steps: Workflow) -> None:
        live = [one for one in self._now() if one.seed_id not in self._busy and one.state in _UNDER_WAY]
        jobs = self._listed([one for one in live if one.jobs])
        for seed in live:
            if seed.jobs:
                self._looked(pool, steps, steps.looked(seed, jobs), jobs)
            elif seed.facts.get("emr") and steps.look_emr(seed).ended:
                self._submit(pool, self.seeds[seed.seed_id], steps.finish)

    def _looked(self, pool: ThreadPoolExecutor, steps: Workflow, seed: Seed, jobs: Mapping[str, BatchJob]) -> None:
        self._keep(seed)
        mine = [jobs.get(job_id) for _, _, job_id in seed.jobs]
        if all(one is not None and one.ended for one in mine):
            more = seed.facts.get("queue") and mine[-1] is not None and mine[-1].status == "Complete"
            self._submit(pool, seed, steps.next_job if more else steps.finish)
        elif seed.state is State.WAITING and self.hooks.ask is not None and seed.seed_id not in self._asked:
            self._asked.add(seed.seed_id)
            if self.hooks.ask(seed):
                for one in confirm(self.replication, [seed]):
                    self._keep(one)

    def _listed(self, seeds: Iterable[Seed]) -> dict[str, BatchJob]:
        """How the jobs stand: one listing a place, whatever their number."""
        places: dict[tuple[str, str], set[str]] = {}
        for seed in seeds:
            for account_id, region, job_id in seed.jobs:
                places.setdefault((account_id, region), set()).add(job_id)
        found: dict[str, BatchJob] = {}
        for place, wanted in places.items():
            listed = batch.list_jobs(self.replication.estate, *place, wanted=wanted)
            for job_id in wanted - listed.keys():  # jobs are listed for 90 days
                try:
                    listed[job_id] = batch.describe(self.replication.estate, *place, job_id)
                except NotFound:
                    listed[job_id] = BatchJob(job_id=job_id, account_id=place[0], region=place[1], status="Failed")
            found |= listed
        return found

    def _keep(self, seed: Seed) -> None:
        with self._lock:
            self.seeds[seed.seed_id] = seed

    def _now(self) -> list[Seed]:
        with self._lock:
            return list(self.seeds.values())

    def _all_ended(self) -> bool:
        return all(one.state.ended for one in self._now())

    def _only_waiting(self) -> bool:
        """What is left waits for somebody, and nobody is asked here."""
        left = [one for one in self._now() if not one.state.ended]
        if self.hooks.ask is not None:
            left = [one for one in left if one.seed_id not in self._asked or one.state is not State.WAITING]
            return not left
        return all(one.state is State.WAITING for one in left)


def _bare(seed: Seed, facts: Mapping[str, Any]) -> Seed:
    return replace(seed, jobs=(), facts=facts, failed=0, done=0, error="", detail="", verified={}, finished_at=None)
