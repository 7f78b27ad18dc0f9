"""`windlass watch deliveries`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit
from windlass.watch.commands.options import open_watch

__all__ = ["deliveries"]


def deliveries(
    ctx: typer.Context,
    rule: Annotated[str, typer.Option("--rule", metavar="NAME", help="Only of this rule.")] = "",
    status: Annotated[
        str, typer.Option("--status", metavar="NAME", help="Only pending, delivered or failed ones.")
    ] = "",
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """List deliveries, the newest first: what was sent to whom, what waits, and why an attempt failed.

    Examples:
      windlass watch deliveries
      windlass watch deliveries --status pending -o json
    """
    from windlass.watch.rows import DELIVERY_COLUMNS, delivery_row, status_of

    chosen = status_of(status) if status else None
    listed = open_watch(ctx).deliveries(rule=rule, status=chosen, limit=limit or ALL)
    rows = [delivery_row(delivery) for delivery in listed]
    emit(rows, output, DELIVERY_COLUMNS, now=clock.now(), empty="Nothing was delivered yet.")
