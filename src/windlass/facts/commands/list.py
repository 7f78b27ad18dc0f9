"""`windlass facts list`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.facts.commands.options import Owner, open_facts
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["list_"]


def list_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", help="Parts of the host's ID, name or platform.")
    ] = None,
    owner: Owner = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="Include hosts whose instance is deleted.")] = False,
    limit: Limit = 100,
    output: Output = Format.TABLE,
) -> None:
    """List the hosts that have facts, and when a source last reported on them.

    Examples:
      windlass facts list web
      windlass facts list --owner data -o json
    """
    from windlass.facts.rows import HOST_COLUMNS, host_row

    hosts = open_facts(ctx).hosts(words=" ".join(words or ()), gone=deleted)
    rows = [host_row(host) for host in hosts if owner in ("", host.owner)]
    empty = "No host matches. `windlass facts import` and `PUT /v1/facts` add hosts."
    emit(rows, output, HOST_COLUMNS, now=clock.now(), limit=limit, empty=empty)
