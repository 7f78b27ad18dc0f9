"""`windlass facts changes`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.facts.commands.options import HostRef, open_facts
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit

__all__ = ["changes"]


def changes(ctx: typer.Context, host: HostRef, limit: Limit = 100, output: Output = Format.TABLE) -> None:
    """List when a host's sections changed, newest first: how many rows came and went, and what could not be read.

    Examples:
      windlass facts changes web-1
      windlass facts changes web-1 -n 5 -o json
    """
    from windlass.facts.rows import CHANGE_COLUMNS, change_row

    listed = open_facts(ctx).changes(host, limit=limit or ALL)
    emit([change_row(change) for change in listed], output, CHANGE_COLUMNS, now=clock.now(), empty="No changes.")
