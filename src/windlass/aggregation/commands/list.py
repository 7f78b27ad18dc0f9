"""`windlass aggregate list`."""

from __future__ import annotations

import typer

from windlass.aggregation.commands.options import open_aggregation
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["list_"]


def list_(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the rules of windlass.toml.

    Examples:
      windlass aggregate list
      windlass aggregate list -o json
    """
    from windlass.aggregation.rows import RULE_COLUMNS, rule_row

    aggregation = open_aggregation(ctx)
    rows = (rule_row(config, aggregation.paused(config.name)) for config in aggregation.configs)
    emit(rows, output, RULE_COLUMNS, limit=limit, empty="windlass.toml has no [[aggregate]] entry.")
