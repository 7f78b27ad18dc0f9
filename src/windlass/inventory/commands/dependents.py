"""`windlass inventory dependents`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.inventory.commands.options import Ref, open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["dependents"]


def dependents(
    ctx: typer.Context,
    ref: Ref,
    depth: Annotated[int, typer.Option("--depth", min=1, max=12, help="Follow dependences this many steps.")] = 6,
    mentions: Annotated[
        bool, typer.Option("--mentions", help="Include resources whose document only mentions one of them.")
    ] = False,
    limit: Limit = 1000,
    output: Output = Format.TABLE,
) -> None:
    """List what would break without a resource: everything that depends on it, directly or through others.

    Examples:
      windlass inventory dependents scans
      windlass inventory dependents scans --mentions --depth 2 -o json
    """
    from windlass.inventory.rows import dependent_row

    result = open_inventory(ctx).dependents(ref, depth=depth, limit=limit or 100_000, mentions=mentions)
    columns = ("distance", "type", "name", "kind", "on_type", "on", "account_id", "region")
    rows = (dependent_row(item) for item in result.resources)
    emit(rows, output, columns, empty="No known resource depends on it.")
    if result.truncated and output is Format.TABLE:
        print("There are more; --limit shows more.", file=sys.stderr)
