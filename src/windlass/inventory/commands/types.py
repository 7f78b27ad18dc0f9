"""`windlass inventory types`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.inventory.commands.options import open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["types"]


def types(
    ctx: typer.Context,
    every: Annotated[
        bool, typer.Option("--automatic", help="Include the automatic types that inventory.automatic does not collect.")
    ] = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List the resource types that are collected: how each is listed, the permission and calls it needs, its resources.

    `calls` is the least number of calls for a scope with one resource.

    Examples:
      windlass inventory types --automatic
      windlass inventory types -n 10 -o json
    """
    from windlass.inventory.rows import type_row

    numbers = (Column("calls", right=True), Column("count", right=True))
    columns = ["type", "title", "source", "scope", "operation", "iam_action", *numbers]
    rows = (type_row(kind) for kind in open_inventory(ctx).types(every=every))
    emit(rows, output, columns, limit=limit)
