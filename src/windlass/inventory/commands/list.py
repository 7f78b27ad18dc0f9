"""`windlass inventory list`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.options import (
    At,
    Owner,
    TypeNames,
    checked_query,
    empty_text,
    open_inventory,
    owner_conditions,
)
from windlass.present.options import Accounts, Limit, Output, Regions, Types, Where
from windlass.present.output import ALL, Format, emit

__all__ = ["LISTED", "list_"]

LISTED = ("type", "name", "resource_id", "account_id", "region", "owner", "tags", "changed_at")


def list_(
    ctx: typer.Context,
    names: TypeNames = None,
    types: Types = None,
    accounts: Accounts = None,
    regions: Regions = None,
    where: Where = None,
    owner: Owner = "",
    at: At = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="Include deleted resources.")] = False,
    sort: Annotated[
        str, typer.Option("--sort", metavar="KEY", help="key, name, type, changed, region or account.")
    ] = "key",
    limit: Limit = 100,
    output: Output = Format.TABLE,
) -> None:
    """List resources, filtered by type, account, region, tags and anything in their documents.

    Examples:
      windlass inventory list s3.bucket -w tag:team -n 20
      windlass inventory list 'ec2.*' -r us-east-1 --at 2h -o json
    """
    from windlass.inventory.rows import resource_row

    inventory = open_inventory(ctx)
    chosen = [*(names or ()), *(types or ())]
    conditions = [*(where or ()), *owner_conditions(owner)]
    options = {"at": at, "deleted": deleted, "sort": sort, "limit": limit or ALL}
    query = checked_query(inventory, chosen, conditions, accounts=accounts, regions=regions, **options)
    page = inventory.list(query)
    rows = (resource_row(resource) for resource in page.rows)
    emit(rows, output, LISTED, now=clock.now(), empty=empty_text(inventory, "No resource matches."))
    if page.cursor and output is Format.TABLE:
        print(f"{len(page.rows):,} of {page.total:,}; --limit shows more.", file=sys.stderr)
