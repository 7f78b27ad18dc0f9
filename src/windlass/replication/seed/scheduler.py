"""The scheduler of periodic sets: seeds each `[[replicate]]` set with `interval` when it is due, in one of several
processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from windlass.core.errors import Interrupted, WindlassError
from windlass.core.units import parse_duration_s
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs
from windlass.observe.log import logger
from windlass.replication.config import ReplicateConfig
from windlass.replication.model import SeedState
from windlass.replication.planning.request import SeedRequest, request_of
from windlass.replication.seed import job as seeding
from windlass.replication.seed.runner import Callbacks
from windlass.replication.service import PairSelection, Replication
from windlass.store.leases import POLL_S, Lease, LeaseLost

__all__ = ["seed_forever", "seed_set"]

_POLL_INTERVAL_S = 30.0
_KEPT_JOBS = 50
_LISTED_JOBS = 200
_KEPT_S = 90 * 86_400.0
_FOLLOWING = "replicate/follow"
_UNDER_WAY = (SeedState.COPYING, SeedState.WAITING, SeedState.VERIFYING)


def seed_set(
    replication: Replication,
    jobs: Jobs,
    chosen: ReplicateConfig,
    *,
    stop: threading.Event | None = None,
    under: Sequence[Lease] = (),
) -> str:
    """Seed a set now, and return the job's id. Pairs that cannot be seeded are skipped and logged."""
    request = request_of(chosen)
    plans = replication.plan(replication.pairs(PairSelection(set_name=chosen.name)), request)
    for plan in plans:
        if plan.error is not None:
            logger("replication").warning(
                "pair.refused", pair=plan.pair.title, error=plan.error.message, hint=plan.error.hint
            )
    seedable = [plan for plan in plans if plan.error is None]
    job_id = seeding.begin(
        replication, jobs, seedable, request, set_name=chosen.name, params=_loop_params(chosen, request)
    )
    seeding.run(replication, jobs, job_id, Callbacks(), stop=stop, under=under)
    jobs.prune(seeding.KIND, keep=_KEPT_JOBS)
    replication.forget(older_s=_KEPT_S)
    return job_id


def _loop_params(chosen: ReplicateConfig, request: SeedRequest) -> dict[str, object]:
    """Return the parameters that mark a job as the scheduler's. It never resumes a job that a person interrupted."""
    return {"request": request.params(), "set": chosen.name, "loop": True}


def due(replication: Replication, chosen: ReplicateConfig) -> bool:
    """True when a set is due."""
    if not chosen.interval:
        return False
    last = replication.last_started(chosen.name)
    return last is None or replication.now() - last >= timedelta(seconds=parse_duration_s(chosen.interval))


def seed_forever(
    replication: Replication,
    jobs: Jobs,
    stop: threading.Event,
    *,
    poll_interval_s: float = _POLL_INTERVAL_S,
    seeded: Callable[[str], object] = lambda _: None,
) -> None:
    """Seed each set when it is due, and finish detached seeds, until `stop`; each set in one process at a time.

    Sets do not wait for each other. An interrupted run of a set is resumed first; a failed one is logged and repeated
    when the set is due again.
    """
    threads = [
        threading.Thread(
            target=_seed_set_forever,
            args=(replication, jobs, chosen, stop),
            name=f"replicate-{chosen.name}",
            kwargs={"poll_interval_s": poll_interval_s, "seeded": seeded},
        )
        for chosen in replication.sets
        if chosen.interval
    ]
    for thread in threads:
        thread.start()
    try:
        jobs.leases.run_alone(
            _FOLLOWING,
            lambda lease: _follow_round(replication, jobs, lease, stop, poll_interval_s=poll_interval_s),
            stop=stop,
        )
    finally:
        for thread in threads:
            thread.join()


def _seed_set_forever(
    replication: Replication,
    jobs: Jobs,
    chosen: ReplicateConfig,
    stop: threading.Event,
    *,
    poll_interval_s: float,
    seeded: Callable[[str], object],
) -> None:
    def seed_round(lease: Lease) -> float:
        try:
            job = jobs.unfinished(seeding.KIND, _loop_params(chosen, request_of(chosen)), limit=_LISTED_JOBS)
            if job is not None and job.status is JobStatus.RUNNING:  # this process has lost the set's lease
                return POLL_S
            if job is not None:
                logger("replication").info("set.resumed", set=chosen.name, job_id=job.job_id)
                seeding.run(replication, jobs, job.job_id, Callbacks(), stop=stop, under=[lease])
                seeded(job.job_id)
            elif due(replication, chosen):
                seeded(seed_set(replication, jobs, chosen, stop=stop, under=[lease]))
        except Interrupted:
            return 0.0  # `stop` is set, or the database was unavailable for too long: the job remains to be resumed
        except LeaseLost:
            raise
        except WindlassError as error:
            logger("replication").warning("set.failed", set=chosen.name, error=error.message, hint=error.hint)
        return poll_interval_s

    jobs.leases.run_alone(f"replicate/{chosen.name}"[:200], seed_round, stop=stop)


def _follow_round(
    replication: Replication, jobs: Jobs, lease: Lease, stop: threading.Event, *, poll_interval_s: float
) -> float:
    """Poll detached seeds, and those whose process is gone; finish those whose AWS jobs have ended."""
    try:
        left = seeding.unfinished(jobs, replication.seeds(states=_UNDER_WAY))
        if left:
            seeding.follow(
                replication.on(lease.store), left, Callbacks(), stop, requests=seeding.requests_of(jobs), wait=False
            )
    except Interrupted:
        return 0.0  # `stop` is set
    except LeaseLost:
        raise
    except WindlassError as error:
        logger("replication").warning("seeds.unseen", error=error.message, hint=error.hint)
    return poll_interval_s
