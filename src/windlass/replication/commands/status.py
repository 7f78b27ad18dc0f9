"""`windlass replicate status`."""

from __future__ import annotations

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
    current = job.refresh(replication, jobs, seeds, Callbacks(), verify=False, wait=False)
    print_seeds(replication, current[: limit or None], output)
