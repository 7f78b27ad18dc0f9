"""`windlass jobs show`."""

from __future__ import annotations

import typer

from windlass.cli.commands.options import JobId
from windlass.cli.context import open_app
from windlass.present.output import emit_value

__all__ = ["show"]


def show(ctx: typer.Context, job_id: JobId) -> None:
    """Print one job as JSON, with its parameters and checkpoint.

    Examples:
      windlass jobs show job-01
      windlass --store sqlite:///windlass.db jobs show job-01
    """
    from windlass.jobs.rows import job_row

    job = open_app(ctx).jobs.get(job_id)
    emit_value(job_row(job) | {"params": job.params, "checkpoint": job.checkpoint})
