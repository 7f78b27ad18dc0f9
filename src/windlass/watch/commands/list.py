"""`windlass watch list`."""

from __future__ import annotations

import typer

from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit
from windlass.watch.commands.options import open_watch

__all__ = ["list_"]


def list_(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the rules of windlass.toml, with the numbers of their deliveries.

    Examples:
      windlass watch list
      windlass watch list -o json
    """
    from windlass.watch.rows import RULE_COLUMNS, rule_rows

    rows = rule_rows(open_watch(ctx))
    emit(rows, output, RULE_COLUMNS, limit=limit, empty="windlass.toml has no [[watch]] entry.")
