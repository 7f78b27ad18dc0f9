"""`windlass jobs leases`."""

from __future__ import annotations

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["leases"]


def leases(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the leases of work that one process does at a time: the collector, periodic sets, running jobs.

    Examples:
      windlass jobs leases
      windlass jobs leases -o json
    """
    from windlass.jobs.rows import lease_row

    rows = (lease_row(lease) for lease in open_app(ctx).jobs.leases.list())
    columns = ["lease", "holder", Column("fence", right=True), "acquired_at"]
    emit(rows, output, columns, now=clock.now(), limit=limit, empty="Nothing is running.")
