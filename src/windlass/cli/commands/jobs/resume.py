"""`windlass jobs resume`."""

from __future__ import annotations

import typer

from windlass.cli.commands.options import JobId
from windlass.cli.context import open_app
from windlass.present.options import DryRun

__all__ = ["resume"]


def resume(ctx: typer.Context, job_id: JobId, dry_run: DryRun = False) -> None:
    """Continue a failed, cancelled or interrupted job from its checkpoint, until it ends.

    Examples:
      windlass jobs resume job-01 --dry-run
      windlass jobs resume job-01
    """
    from windlass.cli.runners import register_runners

    app = open_app(ctx)
    if dry_run:
        print(f"would resume {job_id}, which is {app.jobs.get(job_id).status}")
        return
    register_runners(app)
    job = app.jobs.resume(job_id)
    print(f"{job.job_id}: {job.status} {job.detail}".rstrip())
