"""`windlass replicate resume`."""

from __future__ import annotations

import sys

import typer

from windlass.core.errors import UsageError
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
    from windlass.replication.seed import job as seed_job
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
        for job_id in dict.fromkeys(seed.job_id for seed in seeds if seed.job_id):
            job = jobs.get(job_id)
            if job.status.resumable:
                seed_job.run(replication, jobs, job_id, Callbacks(show=lines.show))
            elif not confirmed:
                where = f" on {job.holder}" if not job.status.ended else ""
                raise UsageError(
                    f"{job_id} is {job.status}{where}: there is nothing to resume",
                    hint="`windlass replicate watch` follows it.",
                )
