"""`windlass aggregate status`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.aggregation.commands.options import AnyKey, AnyRule, open_aggregation
from windlass.core import clock
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit

__all__ = ["status"]


def status(
    ctx: typer.Context,
    rule: AnyRule = "",
    key: AnyKey = "",
    windows: Annotated[
        bool, typer.Option("--windows", help="Show the latest windows and their outcomes instead of the keys.")
    ] = False,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Show each key: its uncovered events, when its next action is due, and when the last one ran.

    Examples:
      windlass aggregate status
      windlass aggregate status refresh-scans --windows -n 10
    """
    from windlass.aggregation import rows

    aggregation, now = open_aggregation(ctx), clock.now()
    if windows:
        latest = (rows.window_row(window) for window in aggregation.windows(rule, key, limit=limit or ALL))
        emit(latest, output, rows.WINDOW_COLUMNS, now=now, empty="No window has begun yet.")
        return
    configs = {config.name: config for config in aggregation.configs}
    items = (rows.item_row(item, configs[item.rule]) for item in aggregation.items(rule, key))
    emit(items, output, rows.KEY_COLUMNS, now=now, limit=limit, empty="No event has arrived yet.")
