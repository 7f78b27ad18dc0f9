"""`windlass inventory coverage`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.options import open_inventory
from windlass.present.options import Accounts, Limit, Output, Regions
from windlass.present.output import Column, Format, emit

__all__ = ["coverage"]

_COLUMNS: tuple[object, ...] = (
    "account_id",
    "region",
    "service",
    "state",
    "state_since",
    "last_good_at",
    "scanned_at",
    Column("unread", right=True),
    Column("scopes", right=True),
    Column("resources", right=True),
    Column("details_unknown", right=True),
    "error",
)


def coverage(
    ctx: typer.Context,
    accounts: Accounts = None,
    regions: Regions = None,
    services: Annotated[
        list[str] | None,
        typer.Option("--service", metavar="SERVICE", help="Only this service: s3, ec2 … Repeat for more."),
    ] = None,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="Only this state: denied, unscanned, partial, ok …")
    ] = "",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show what could be read, and since when, per account, region and service.

    Examples:
      windlass inventory coverage --state denied
      windlass inventory coverage -a 111111111111 --service s3 -o json
    """
    from windlass.inventory.coverage import account_notes, select_rows
    from windlass.inventory.rows import NOTHING_YET, coverage_row

    inventory = open_inventory(ctx)
    chosen = select_rows(
        inventory.coverage(),
        account_id=accounts or (),
        region=regions or (),
        service=services or (),
        state=[state] if state else (),
    )
    rows = map(coverage_row, chosen)
    emit(rows, output, _COLUMNS, now=clock.now(), limit=limit, empty=NOTHING_YET)
    for line in account_notes(inventory.accounts()):
        print(line, file=sys.stderr)
