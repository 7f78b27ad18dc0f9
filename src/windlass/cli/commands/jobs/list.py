"""`windlass jobs list`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.jobs.model import JobStatus
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Column, Format, emit

__all__ = ["list_"]


def list_(
    ctx: typer.Context,
    status: Annotated[JobStatus | None, typer.Option("--status", help="Only jobs with this status.")] = None,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="Only jobs of this kind.")] = "",
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """List jobs, newest first.

    Examples:
      windlass jobs list
      windlass jobs list --status failed -n 10 -o json
    """
    from windlass.jobs.rows import job_row

    rows = (job_row(job) for job in open_app(ctx).jobs.list(status=status, kind=kind, limit=limit or ALL))
    columns = ["job_id", "kind", "title", "status", Column("progress", right=True), "holder", "detail", "created_at"]
    emit(rows, output, columns, now=clock.now(), empty="No jobs yet: `windlass inventory collect` starts one.")
