"""`windlass replicate report`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit
from windlass.replication.commands.options import AnySeedRef, open_replication, select_seeds

__all__ = ["report"]


def report(
    ctx: typer.Context,
    ref: AnySeedRef = "",
    failed: Annotated[
        Path | None,
        typer.Option("--failed", metavar="FILE", help="Write a manifest of the failed objects, for a retry."),
    ] = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List why objects failed, by reason, with the remedy. Exit 1 when objects failed.

    Examples:
      windlass replicate report
      windlass replicate report scans --failed failed.csv -o json
    """
    from windlass.replication.output import REASONS, print_errors, raise_unwell
    from windlass.replication.rows import failure_rows
    from windlass.replication.seed.job import write_failed

    replication = open_replication(ctx)
    seeds = select_seeds(replication, ref)
    failures = replication.failures(seeds)
    rows = [row for seed in seeds for row in failure_rows(seed, failures.get(seed.seed_id, []))]
    emit(rows, output, REASONS, limit=limit, empty="No object failed.")
    if output is Format.TABLE:
        print_errors(seeds)
    if failed is not None:
        print(f"{failed}: {write_failed(replication, seeds, failed):,} rows", file=sys.stderr)
    raise_unwell(seeds)
