"""`windlass inventory search`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.list import LISTED
from windlass.inventory.commands.options import empty_text, open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit

__all__ = ["search"]


def search(
    ctx: typer.Context,
    words: Annotated[
        list[str], typer.Argument(metavar="WORD", help="Words, or their beginnings; a resource must have all of them.")
    ],
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Search names, ids, tags and documents.

    Examples:
      windlass inventory search scans
      windlass inventory search team data -n 10 -o json
    """
    from windlass.inventory.rows import resource_row

    inventory = open_inventory(ctx)
    matches = (resource_row(resource) for resource in inventory.search(" ".join(words), limit=limit or ALL))
    emit(matches, output, LISTED, now=clock.now(), empty=empty_text(inventory, "No resource matches."))
