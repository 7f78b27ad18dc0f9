"""`windlass replicate watch`."""

from __future__ import annotations

import sys

import typer

from windlass.present.commands import service
from windlass.replication.commands.options import AnySeedRef, Find, open_replication, select_seeds

__all__ = ["watch"]


def watch(ctx: typer.Context, ref: AnySeedRef = "", find: Find = False) -> None:
    """Follow seeds until they end, one live line each, and finish detached ones. Exit 1 when objects failed.

    Examples:
      windlass replicate watch
      windlass replicate watch scans
    """
    from windlass.replication.output import raise_unwell
    from windlass.replication.progress import SeedProgress
    from windlass.replication.seed import job
    from windlass.replication.seed.runner import Callbacks

    replication, jobs = open_replication(ctx), service(ctx, "jobs")
    seeds = [seed for seed in select_seeds(replication, ref, find=find) if ref or not seed.state.ended]
    if not seeds:
        print("No seed is running.", file=sys.stderr)
        return
    with SeedProgress() as lines:
        seeds = job.refresh(replication, jobs, seeds, Callbacks(lines.show), verify=True, wait=True)
        ended = job.wait(replication, jobs, seeds, lines.show)
    raise_unwell(ended)
