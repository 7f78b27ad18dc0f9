"""Periodic sets: each `[[replicate]]` with `every` is seeded again when its time has come; one process of many does it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from windlass.core.errors import Interrupted, WindlassError
from windlass.core.ids import new_id
from windlass.core.units import parse_duration_s
from windlass.jobs.service import Jobs
from windlass.observe.log import logger
from windlass.replication import seeding
from windlass.replication.comparison import Compare
from windlass.replication.config import ReplicateConfig
from windlass.replication.crew import Hooks
from windlass.replication.model import Carry, Operation, State, Way
from windlass.replication.planning import Request
from windlass.replication.service import Ask, Replication
from windlass.replication.template import Template, load_template
from windlass.store.leases import acquire, release

__all__ = ["request_of", "seed_forever", "seed_set"]

_LOOK_S = 30.0
_KEPT_JOBS = 50
_KEPT_S = 90 * 86_400.0
_FOLLOWING = "replicate/follow"
_UNDER_WAY = (State.COPYING, State.WAITING, State.VERIFYING)


def request_of(chosen: ReplicateConfig) -> Request:
    """What a set of windlass.toml asks for."""
    template = load_template(Path(chosen.template)) if chosen.template else Template()
    return Request(
        via=Way(chosen.via), operation=Operation(chosen.operation) if chosen.operation else None,
        switch_on=None if chosen.switch_on else False, template=template,
        carry=frozenset(map(Carry, chosen.carry)), compare=Compare(chosen.compare),
    )  # fmt: skip


def seed_set(replication: Replication, jobs: Jobs, chosen: ReplicateConfig) -> str:
    """Seed a set now, to its end; the job's id. Pairs that can't be seeded are left out and logged."""
    request = request_of(chosen)
    plans = replication.plan(replication.pairs(Ask(set_name=chosen.name)), request)
    for one in plans:
        if one.error is not None:
            logger("replication").warning(
                "pair.refused", pair=one.pair.title, said=one.error.message, hint=one.error.hint
            )
    job_id = seeding.begin(
        replication, jobs, [one for one in plans if one.error is None], request, set_name=chosen.name
    )
    seeding.run(replication, jobs, job_id, Hooks())
    jobs.prune(seeding.KIND, keep=_KEPT_JOBS)
    replication.forget(older_s=_KEPT_S)
    return job_id


def due(replication: Replication, chosen: ReplicateConfig) -> bool:
    """Whether a set's time has come."""
    if not chosen.every:
        return False
    last = replication.last_started(chosen.name)
    return last is None or replication.now() - last >= timedelta(seconds=parse_duration_s(chosen.every))


def seed_forever(
    replication: Replication, jobs: Jobs, stop: threading.Event, *, look_s: float = _LOOK_S,
    seeded: Callable[[str], object] = lambda _: None,
) -> None:  # fmt: skip
    """Look now and then which sets are due, and seed them, until `stop`. A failed one is logged and tried at its next time."""
    holder = new_id("loop")
    log = logger("replication")
    while not stop.is_set():
        try:
            _follow_detached(replication, jobs, holder, stop)
        except Interrupted:
            return
        except WindlassError as error:
            log.warning("seeds.unseen", said=error.message, hint=error.hint)
        for chosen in replication.sets:
            name = f"replicate/{chosen.name}"[:200]
            try:
                if due(replication, chosen) and acquire(
                    replication.store, name, holder, ttl_s=3600, now=replication.now()
                ):
                    seeded(seed_set(replication, jobs, chosen))
                    release(replication.store, name, holder)
            except Interrupted:
                return
            except WindlassError as error:
                log.warning("set.failed", set=chosen.name, said=error.message, hint=error.hint)
            if stop.is_set():
                return
        stop.wait(look_s)


def _follow_detached(replication: Replication, jobs: Jobs, holder: str, stop: threading.Event) -> None:
    """Seeds that were detached, or whose process is gone, are looked at and finished here."""
    left = seeding.unfinished(jobs, replication.seeds(states=_UNDER_WAY))
    if left and acquire(replication.store, _FOLLOWING, holder, ttl_s=600, now=replication.now()):
        seeding.follow(replication, left, Hooks(), stop, requests=seeding.requests_of(jobs), wait=False)
        release(replication.store, _FOLLOWING, holder)
