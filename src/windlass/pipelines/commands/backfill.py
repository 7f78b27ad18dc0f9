"""`windlass pipeline backfill`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.pipelines.commands.options import PipelineName, open_pipelines
from windlass.present.commands import service
from windlass.present.confirmation import require_confirmation
from windlass.present.options import DryRun, Yes
from windlass.present.progress import ProgressLine

__all__ = ["backfill"]


def backfill(
    ctx: typer.Context,
    name: PipelineName,
    origin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="LIST",
            help="Keys to read: s3://…/manifest.json of an S3 Inventory, or a file with one key per line. "
            "By default the source is listed.",
        ),
    ] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Send existing objects through a pipeline, as a resumable job.

    Examples:
      windlass pipeline backfill notes --dry-run
      windlass pipeline backfill notes --yes
    """
    from windlass.pipelines.backfill import backfill_as_job

    pipelines, jobs = open_pipelines(ctx), service(ctx, "jobs")
    (pipeline,) = pipelines.built([name])
    action = f"send the objects of {origin or pipeline.config.source} through {name} to {pipeline.config.target}"
    if dry_run:
        print(f"would {action}")
        return
    require_confirmation(action, yes=yes, terminal_only=True)
    with ProgressLine("backfill") as line:
        job_id = backfill_as_job(pipelines, jobs, name, origin=origin, show=line.update)
    print(f"{job_id}: {jobs.get(job_id).detail}", file=sys.stderr)
