"""`windlass replicate sets`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit
from windlass.replication.commands.options import open_replication

__all__ = ["sets"]

_COLUMNS = ("set", "source", "destination", "method", "interval", "last_started")


def sets(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the sets of windlass.toml, and when each was last started.

    Examples:
      windlass replicate sets
      windlass replicate sets -o json
    """
    from windlass.replication.rows import set_row

    replication = open_replication(ctx)
    rows = (set_row(replicate_set, replication.last_started(replicate_set.name)) for replicate_set in replication.sets)
    emit(rows, output, _COLUMNS, now=clock.now(), limit=limit, empty="windlass.toml has no [[replicate]] set.")
