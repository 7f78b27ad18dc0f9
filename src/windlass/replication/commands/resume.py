"""`windlass replicate resume`."""

from __future__ import annotations

import sys

import typer

from windlass.present.commands import service
from windlass.present.options import DryRun, Quiet
from windlass.replication.commands.options import SeedRef, open_replication

__all__ = ["resume"]


def resume(ctx: typer.Context, ref: SeedRef, dry_run: DryRun = False, quiet: Quiet = False) -> None:
    """Continue seeds that stopped or failed, and confirm those that await confirmation.

    Examples:
      windlass replicate resume scans --dry-run
      windlass replicate resume scans
    """
    from windlass.replication.progress import SeedProgress
    from windlass.replication.seed import job
    from windlass.replication.seed.runner import Callbacks, confirm

    replication, jobs = open_replication(ctx), service(ctx, "jobs")
    seeds = replication.select(ref)
    if dry_run:
        for seed in seeds:
            print(f"would resume {seed.pair.title}, which is {seed.state}")
        return
    confirmed = confirm(replication, seeds)
    for seed in confirmed:
        print(f"{seed.pair.title}: confirmed, {seed.total:,} tasks run", file=sys.stderr)
    with SeedProgress(quiet=quiet) as lines:
        job.resume(replication, jobs, seeds, Callbacks(show=lines.show), must_resume=not confirmed)
