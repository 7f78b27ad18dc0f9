"""`windlass inventory graph`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.inventory.commands.options import Ref, open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["graph"]


def graph(
    ctx: typer.Context,
    ref: Ref,
    depth: Annotated[int, typer.Option("--depth", min=1, max=6, help="Follow relations this many steps.")] = 2,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List the relations around a resource.

    Examples:
      windlass inventory graph scans
      windlass inventory graph scans --depth 1 -o json
    """
    from windlass.inventory.rows import relation_row

    edges = open_inventory(ctx).graph(ref, depth=depth).edges
    columns = ("source_type", "source", "kind", "target_type", "target")
    emit((relation_row(edge) for edge in edges), output, columns, limit=limit, empty="No relation is known.")
