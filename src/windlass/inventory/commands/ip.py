"""`windlass inventory ip`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.options import At, empty_text, open_inventory, time_of
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["ip"]


def ip(
    ctx: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="An IPv4 or IPv6 address, or a network: 10.1.0.0/16.")
    ],
    at: At = "",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show which resources have an IP address or one of a network, or had it at a time.

    Examples:
      windlass inventory ip 10.0.0.10
      windlass inventory ip 10.0.0.0/16 --at 2h -o json
    """
    from windlass.inventory.rows import holder_row

    inventory = open_inventory(ctx)
    holders = (holder_row(holder) for holder in inventory.ip(address, at=time_of(at)))
    columns = ("address", "type", "name", "resource_id", "account_id", "region", "valid_from", "valid_to")
    empty = empty_text(inventory, f"No known resource has or had {address}.")
    emit(holders, output, columns, now=clock.now(), limit=limit, empty=empty)
