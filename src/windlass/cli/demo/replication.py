"""The demo's replication: a set of fourteen pairs is seeded, some objects fail, their cause is removed, they are
retried.
"""

from __future__ import annotations

import threading
from pathlib import Path

from windlass.app import App
from windlass.cli.demo.config import ACCOUNT, REPLICATION_SET
from windlass.cli.embedded_aws import started, stdout_line
from windlass.core.errors import PartialFailure, WindlassError
from windlass.observe.log import logger

__all__ = ["seed_replicas"]

_FAILURES_SHOWN_S = 45.0


def seed_replicas(app: App, url: str, log: Path, stop: threading.Event) -> None:
    """Create the pairs, seed the set, and retry what failed. A failure is logged, and the demo continues without it."""
    from windlass.replication.planning.request import SeedRequest
    from windlass.replication.seed import job as seeding
    from windlass.replication.seed.scheduler import seed_set

    try:
        with started("scenario", "replicas", "--url", url, "--account", ACCOUNT, log=log) as programs:
            stdout_line(programs, log)
            try:
                seed_set(app.replication, app.jobs, app.replication.set_named(REPLICATION_SET))
            except PartialFailure:
                if stop.wait(_FAILURES_SHOWN_S):  # long enough for people to see them
                    return
                assert programs.stdin is not None
                print("replicas allow", file=programs.stdin, flush=True)
                stdout_line(programs, log)
                failed = [task for task in app.replication.select(REPLICATION_SET) if task.failed]
                seeding.run(app.replication, app.jobs, seeding.retry(app.replication, app.jobs, failed, SeedRequest()))
    except WindlassError as error:
        logger("demo").warning("scenario.failed", scenario="replication", error=error.message, hint=error.hint)
