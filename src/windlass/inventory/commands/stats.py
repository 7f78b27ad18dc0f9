"""`windlass inventory stats`."""

from __future__ import annotations

import typer

from windlass.inventory.commands.options import open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit, emit_value

__all__ = ["stats"]


def stats(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """Count resources by type, account, region and state of their scopes.

    Examples:
      windlass inventory stats
      windlass inventory stats -o json
    """
    from windlass.inventory import rows

    counts = open_inventory(ctx).stats()
    if output in (Format.JSON, Format.JSONL):
        emit_value(rows.stats_value(counts))
        return
    columns = ("of", "value", Column("count", right=True))
    emit(rows.stats_rows(counts), output, columns, limit=limit, empty=rows.NOTHING_YET)
