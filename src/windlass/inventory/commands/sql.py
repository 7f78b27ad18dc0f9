"""`windlass inventory sql`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.inventory.commands.options import open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit

__all__ = ["sql"]


def sql(
    ctx: typer.Context,
    text: Annotated[
        str, typer.Argument(metavar="SELECT", help="A query over resources, revisions, relations, scopes and runs.")
    ],
    limit: Limit = 1000,
    output: Output = Format.TABLE,
) -> None:
    """Run a read-only SQL query; the database itself refuses writes.

    Examples:
      windlass inventory sql 'SELECT type, count(*) AS count FROM resources GROUP BY type'
      windlass inventory sql 'SELECT name, region FROM resources' -n 10 -o csv
    """
    table = open_inventory(ctx).sql(text, limit=limit or ALL)
    rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    emit(rows, output, list(table.columns), empty="The query returned no rows.")
