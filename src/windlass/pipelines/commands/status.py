"""`windlass pipeline status`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.pipelines.commands.options import AnyPipeline, open_pipelines
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit

__all__ = ["status"]


def status(ctx: typer.Context, name: AnyPipeline = "", limit: Limit = 50, output: Output = Format.TABLE) -> None:
    """List the latest refused objects, with the reason and the location of each copy.

    Examples:
      windlass pipeline status
      windlass pipeline status notes -n 10 -o json
    """
    from windlass.pipelines.rows import FAILURE_COLUMNS, failure_row

    rows = (failure_row(failure) for failure in open_pipelines(ctx).failures(name, limit=limit or ALL))
    emit(rows, output, FAILURE_COLUMNS, now=clock.now(), empty="No object was refused.")
