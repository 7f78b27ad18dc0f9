"""`windlass inventory diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.core.errors import EXIT_FINDINGS
from windlass.inventory.commands.options import TypeNames, checked_query, empty_text, open_inventory
from windlass.present.options import Accounts, ExitCode, Limit, Output, Regions, Types, Where
from windlass.present.output import Format, emit

__all__ = ["diff"]


def diff(
    ctx: typer.Context,
    names: TypeNames = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="The earlier time.")] = "7d",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="The later time.")] = "now",
    types: Types = None,
    accounts: Accounts = None,
    regions: Regions = None,
    where: Where = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
    exit_code: ExitCode = False,
) -> None:
    """Show the net difference of the estate between two times.

    Examples:
      windlass inventory diff --since 24h
      windlass inventory diff s3.bucket --since 7d --until 1d -r eu-west-1
    """
    from windlass.inventory.rows import difference_row

    now, inventory = clock.now(), open_inventory(ctx)
    query = checked_query(inventory, [*(names or ()), *(types or ())], where, accounts=accounts, regions=regions)
    differences = inventory.diff(clock.parse_when(since, at=now), clock.parse_when(until, at=now), query)
    columns = ("change", "type", "name", "account_id", "region", "summary")
    rows = (difference_row(difference) for difference in differences)
    count = emit(rows, output, columns, limit=limit, empty=empty_text(inventory, "Nothing differs."))
    if exit_code and count:
        raise typer.Exit(EXIT_FINDINGS)
