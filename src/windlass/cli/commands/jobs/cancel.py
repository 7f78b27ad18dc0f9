"""`windlass jobs cancel`."""

from __future__ import annotations

import typer

from windlass.cli.commands.options import JobId
from windlass.cli.context import open_app
from windlass.present.options import DryRun

__all__ = ["cancel"]


def cancel(ctx: typer.Context, job_id: JobId, dry_run: DryRun = False) -> None:
    """Ask a job to stop. It can be resumed later.

    Examples:
      windlass jobs cancel job-01 --dry-run
      windlass jobs cancel job-01
    """
    jobs = open_app(ctx).jobs
    if dry_run:
        print(f"would cancel {job_id}, which is {jobs.get(job_id).status}")
        return
    job = jobs.cancel(job_id)
    print(f"{job.job_id}: {'cancelled' if job.status.ended else 'asked to stop'}")
