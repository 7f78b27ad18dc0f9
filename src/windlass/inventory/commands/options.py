"""Arguments and functions that the verbs of `windlass inventory` share: opening the service, reading filters."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from windlass.core import clock
from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.inventory.model import Query
    from windlass.inventory.service import Inventory

__all__ = [
    "At",
    "Owner",
    "Ref",
    "Since",
    "TypeNames",
    "checked_query",
    "empty_text",
    "open_inventory",
    "owner_conditions",
    "time_of",
]

Ref = Annotated[str, typer.Argument(metavar="RESOURCE", help="ARN, id, name, or #number.")]
TypeNames = Annotated[list[str] | None, typer.Argument(metavar="TYPE", help="Resource types: s3.bucket, ec2.*, …")]
At = Annotated[
    str,
    typer.Option("--at", metavar="TIME", help="Show the state at this time: 2h or 7d ago, 2026-11-20, an ISO time."),
]
Since = Annotated[str, typer.Option("--since", metavar="TIME", help="From this time on: 2h or 7d ago, 2026-11-20.")]


Owner = Annotated[
    str, typer.Option("--owner", metavar="NAME", help="Only resources of this owner; - for those without one.")
]


def open_inventory(ctx: typer.Context) -> Inventory:
    """Open the service."""
    return cast("Inventory", service(ctx, "inventory"))


def checked_query(
    inventory: Inventory,
    types: list[str] | None,
    where: list[str] | None = None,
    *,
    accounts: list[str] | None = None,
    regions: list[str] | None = None,
    **options: Any,
) -> Query:
    """Make a query of the command's filters; UsageError for an unknown type, account, region or path."""
    from windlass.inventory.filters import parse_query

    places = [f"account={account}" for account in accounts or ()] + [f"region={region}" for region in regions or ()]
    query = parse_query(types or (), [*(where or ()), *places], now=clock.now(), **options)
    inventory.check(query, account_ids=[account.account_id for account in inventory.accounts()])
    return query


def owner_conditions(owner: str) -> list[str]:
    """Return the option `--owner` as conditions of `--where`; empty without it."""
    if not owner:
        return []
    return ["-owner:*"] if owner == "-" else [f"owner:{owner}"]


def time_of(text: str) -> datetime | None:
    """Read a time option; None when it is empty."""
    return clock.parse_when(text, at=clock.now()) if text else None


def empty_text(inventory: Inventory, otherwise: str) -> str:
    """Choose what an empty listing prints: `otherwise`, or how to collect when nothing has been collected."""
    from windlass.inventory.rows import NOTHING_YET

    return NOTHING_YET if inventory.is_empty() else otherwise
