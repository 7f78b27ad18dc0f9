"""`windlass inventory history`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.inventory.commands.options import Ref, open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Format, emit

__all__ = ["history"]


def history(ctx: typer.Context, ref: Ref, limit: Limit = 50, output: Output = Format.TABLE) -> None:
    """List every change of one resource, newest first.

    Examples:
      windlass inventory history scans
      windlass inventory history arn:aws:s3:::scans -n 5 -o json
    """
    from windlass.inventory.rows import revision_row

    revisions = open_inventory(ctx).history(ref, limit=limit or ALL)
    columns = ("revision_id", "valid_from", "change", "summary", "actor")
    emit((revision_row(revision) for revision in revisions), output, columns, now=clock.now())
