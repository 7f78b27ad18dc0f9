"""`windlass replicate cancel`."""

from __future__ import annotations

import typer

from windlass.present.commands import service
from windlass.present.confirmation import require_confirmation
from windlass.present.options import DryRun, Yes
from windlass.replication.commands.options import SeedRef, open_replication

__all__ = ["cancel"]


def cancel(ctx: typer.Context, ref: SeedRef, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Stop seeds: their batch jobs in AWS, and their work on this machine. Copied objects remain.

    Examples:
      windlass replicate cancel scans --dry-run
      windlass replicate cancel scans --yes
    """
    from windlass.replication.seed import job

    replication = open_replication(ctx)
    seeds = replication.select(ref)
    if dry_run:
        for seed in seeds:
            print(f"would cancel {seed.pair.title}, which is {seed.state}")
        return
    require_confirmation(f"cancel {len(seeds)} seeds", yes=yes, terminal_only=True)
    for line in job.cancel(replication, service(ctx, "jobs"), seeds):
        print(line)
