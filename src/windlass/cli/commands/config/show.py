"""`windlass config show`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.cli.context import loaded_settings
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["show"]


def show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Show where each value comes from.")] = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List every setting in force.

    Examples:
      windlass config show
      windlass config show --origin -o json
    """
    from windlass.settings.render import origin_rows

    columns = [Column("key"), Column("value"), *([Column("origin")] if origin else [])]
    keys = [column.key for column in columns]
    rows = ({key: row[key] for key in keys} for row in origin_rows(loaded_settings(ctx)))
    emit(rows, output, columns, limit=limit)
