"""`windlass inventory search`."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.list import LISTED
from windlass.inventory.commands.options import At, empty_text, open_inventory, time_of
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit

__all__ = ["search"]


def search(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORD",
            help="Words or their beginnings, part of an id or ARN, an IP address or network, type:, tag:.",
        ),
    ],
    at: At = "",
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Search names, ids, addresses, tags and documents, the best match first.

    Examples:
      windlass inventory search scans
      windlass inventory search type:s3 tag:team=data -n 10 -o json
    """
    from windlass.inventory.rows import resource_row

    inventory = open_inventory(ctx)
    matches = (
        resource_row(resource) for resource in inventory.search(shlex.join(words), limit=limit or ALL, at=time_of(at))
    )
    emit(matches, output, LISTED, now=clock.now(), empty=empty_text(inventory, "No resource matches."))
