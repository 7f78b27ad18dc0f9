"""`windlass replicate status`."""

from __future__ import annotations

import threading

import typer

from windlass.present.commands import service
from windlass.present.options import Limit, Output
from windlass.present.output import Format
from windlass.replication.commands.options import AnySeedRef, Find, open_replication, select_seeds

__all__ = ["status"]


def status(
    ctx: typer.Context, ref: AnySeedRef = "", find: Find = False, limit: Limit = 0, output: Output = Format.TABLE
) -> None:
    """List seeds with their state and progress; of detached seeds, the state in AWS.

    Examples:
      windlass replicate status
      windlass replicate status scans -o json
    """
    from windlass.replication.output import print_seeds
    from windlass.replication.seed import job
    from windlass.replication.seed.runner import Callbacks

    replication, jobs = open_replication(ctx), service(ctx, "jobs")
    seeds = select_seeds(replication, ref, find=find)
    followed = job.follow(
        replication,
        job.unfinished(jobs, seeds),
        Callbacks(),
        threading.Event(),
        requests=job.requests_of(jobs, verify=False),
        wait=False,
    )
    fresh = {seed.seed_id: seed for seed in followed}
    current = [fresh.get(seed.seed_id, seed) for seed in seeds]
    print_seeds(replication, current[: limit or None], output)
