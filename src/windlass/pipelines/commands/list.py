"""`windlass pipeline list`."""

from __future__ import annotations

import typer

from windlass.pipelines.commands.options import open_pipelines
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["list_"]


def list_(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the pipelines of windlass.toml, with the number of objects of the last day by outcome.

    Examples:
      windlass pipeline list
      windlass pipeline list -o json
    """
    from windlass.pipelines.rows import PIPELINE_COLUMNS, pipeline_row

    pipelines = open_pipelines(ctx)
    totals = pipelines.totals()
    rows = (pipeline_row(pipeline, totals.get(pipeline.name, {})) for pipeline in pipelines.built())
    emit(rows, output, PIPELINE_COLUMNS, limit=limit, empty="windlass.toml has no [[pipeline]] entry.")
