"""`windlass inventory owners`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.inventory.commands.options import empty_text, open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["owners"]

_WHY = ("decides", "owner", "source", "why")


def owners(
    ctx: typer.Context,
    resource: Annotated[
        str, typer.Option("--resource", metavar="RESOURCE", help="Say who owns this resource, and why.")
    ] = "",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List the owners with the numbers of their resources, and of resources that nobody owns.

    Examples:
      windlass inventory owners
      windlass inventory owners --resource scans
    """
    from windlass.inventory.rows import explanation_rows, owner_row

    inventory = open_inventory(ctx)
    if resource:
        rows = explanation_rows(inventory.owners.explain(resource))
        emit(rows, output, _WHY, limit=limit, empty="Nobody owns it: no source of [owners] names an owner.")
        return
    rows = [owner_row(count) for count in inventory.owners.counts()]
    if output is Format.TABLE:
        rows = [row | {"owner": row["owner"] or "(nobody)"} for row in rows]
    columns = ("owner", Column("resources", right=True), "sources")
    emit(rows, output, columns, limit=limit, empty=empty_text(inventory, "There is no resource."))
