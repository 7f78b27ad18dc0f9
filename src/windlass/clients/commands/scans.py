"""`windlass clients scans`."""

from __future__ import annotations

import typer

from windlass.clients.commands.options import open_clients
from windlass.core import clock
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["scans"]

_COLUMNS = (
    "scan_id",
    "started_at",
    "source",
    "engine",
    "files",
    "skipped",
    "broken",
    "other_kind",
    "records",
    "requests",
)


def scans(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the latest scans.

    Examples:
      windlass clients scans
      windlass clients scans -n 3 -o json
    """
    from windlass.clients.rows import scan_row

    rows = (scan_row(scan) for scan in open_clients(ctx).scans())
    emit(rows, output, _COLUMNS, now=clock.now(), limit=limit, empty="No scan has run yet.")
