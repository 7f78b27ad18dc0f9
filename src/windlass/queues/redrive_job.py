"""The redrive job, which the Jobs page shows and can cancel. It is resumed after a crash, during which SQS continues on
its own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from windlass.core.errors import WindlassError
from windlass.jobs.service import Jobs, RunningJob
from windlass.queues.address import Queue
from windlass.queues.service import Queues

__all__ = ["KIND", "register", "start"]

KIND = "queue.redrive"


def start(queues: Queues, jobs: Jobs, source: Queue) -> str:
    """Move the dead letters of a queue back to it, on a thread; return the job id. Raises NotFound without a dead-letter queue."""
    dead = queues.dead_letters_of(source)
    job_id = jobs.create(
        KIND, f"redrive {dead.name} to {source.name}", params={"dead": dead.arn, "to": source.arn}, unit="messages"
    )

    def work() -> None:
        with contextlib.suppress(WindlassError), jobs.run(job_id) as running:
            _run(queues, running)

    threading.Thread(target=work, name="redrive", daemon=True).start()
    return job_id


def register(queues: Callable[[], Queues], jobs: Jobs) -> None:
    """Register the runner, so that `jobs.resume` resumes redrives."""
    jobs.runners[KIND] = lambda running: _run(queues(), running)


def _run(queues: Queues, running: RunningJob) -> None:
    dead, to = queues.open(running.params["dead"]), queues.open(running.params["to"])
    for step in queues.redrive(dead, to=to, poll_s=0.5):
        running.report(done=step.moved, total=max(step.total, step.moved), detail=step.status.lower())
        running.check()
    running.log(f"{dead.name} was moved to {to.name}")
