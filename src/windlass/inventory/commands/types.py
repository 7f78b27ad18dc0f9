"""`windlass inventory types`."""

from __future__ import annotations

import typer

from windlass.inventory.commands.options import open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["types"]


def types(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the resource types that are collected, with the number of resources of each.

    Examples:
      windlass inventory types
      windlass inventory types -n 10 -o json
    """
    from windlass.inventory.rows import type_row

    columns = ["type", "title", "scope", Column("details", right=True), Column("count", right=True)]
    emit((type_row(one) for one in open_inventory(ctx).types()), output, columns, limit=limit)
