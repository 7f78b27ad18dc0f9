"""The loop of a worker process: it joins the collections of other processes, one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable

from windlass.core.errors import Conflict, Interrupted, WindlassError
from windlass.inventory.collection_job import resume_abandoned
from windlass.inventory.collection_worker import WorkerResult
from windlass.inventory.scope_claims import is_coordinator_gone
from windlass.inventory.scope_queue import ScopeQueue
from windlass.inventory.service import Inventory
from windlass.jobs.service import Jobs
from windlass.observe.log import logger
from windlass.store.leases import POLL_S

__all__ = ["work_forever"]

_POLL_INTERVAL_S = 1.0  # between two searches for a run to join


def work_forever(
    inventory: Inventory,
    jobs: Jobs,
    *,
    stop: threading.Event,
    resume: bool = False,
    joined: Callable[[ScopeQueue], None] = lambda _: None,
    left: Callable[[WorkerResult], None] = lambda _: None,
) -> None:
    """Scan scopes of every run that another process of the store coordinates, until `stop`.

    `resume`: coordinate a run whose coordinator was killed. A run that a person stopped is left alone.
    """
    log = logger("inventory")
    refused: set[str] = set()
    while not stop.is_set():
        pause_s = _POLL_INTERVAL_S
        try:
            queue = _joinable(inventory, jobs, refused)
            if queue is not None and is_coordinator_gone(jobs.leases, queue):
                if resume and resume_abandoned(inventory, jobs, queue.job_id, stop=stop) is not None:
                    log.info("collection.resumed", job_id=queue.job_id)
                    continue
            elif queue is not None:
                joined(queue)
                result = inventory.work(queue, jobs.leases, stop=stop)
                log.info("worker.left", run_id=result.run_id, end=result.end, scopes=result.scopes)
                left(result)
                if result.end in ("lost", "abandoned"):
                    continue
        except Interrupted:
            continue
        except Conflict as error:
            if queue is not None:
                refused.add(queue.run_id)
            log.warning("worker.refused", error=error.message, hint=error.hint)
        except WindlassError as error:
            log.warning("worker.failed", error=error.message, hint=error.hint)
            pause_s = POLL_S
        stop.wait(pause_s)


def _joinable(inventory: Inventory, jobs: Jobs, refused: set[str]) -> ScopeQueue | None:
    """Return the oldest open run that this process does not coordinate and can share."""
    here = jobs.leases.holder().title
    for queue in inventory.queues():
        if queue.run_id in refused or queue.holder == here[:64]:
            continue
        if queue.config_digest != inventory.config_digest():
            refused.add(queue.run_id)
            logger("inventory").warning(
                "worker.refused", run_id=queue.run_id, error="another version, types or inventory.redact_paths"
            )
            continue
        return queue
    return None
