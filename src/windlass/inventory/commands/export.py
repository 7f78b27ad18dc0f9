"""`windlass inventory export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from windlass.inventory.commands.options import At, checked_query, open_inventory
from windlass.present.options import Accounts, Regions, Types, Where

__all__ = ["export"]


def export(
    ctx: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="File to write: .jsonl, .csv or .parquet; - writes JSON lines to stdout."),
    ],
    types: Types = None,
    accounts: Accounts = None,
    regions: Regions = None,
    where: Where = None,
    at: At = "",
) -> None:
    """Export resources with their documents.

    Examples:
      windlass inventory export estate.jsonl
      windlass inventory export buckets.csv --type s3.bucket -r us-east-1
    """
    inventory = open_inventory(ctx)
    query = checked_query(inventory, types, where, accounts=accounts, regions=regions, at=at)
    count = inventory.export(query, path)
    print(f"exported {count:,} resources{'' if str(path) == '-' else f' to {path}'}", file=sys.stderr)
