"""`windlass replicate report`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from windlass.present.output import Format, emit
from windlass.replication import rows
from windlass.replication.options import MaybeRef, Output
from windlass.replication.output import REASONS, raise_unwell
from windlass.replication.seed import job as seeding
from windlass.replication.service import Replication, latest

__all__ = ["register"]


def register(app: typer.Typer, open_replication: Callable[[typer.Context], Replication]) -> None:
    """Add the command to the group."""

    @app.command()
    def report(
        ctx: typer.Context,
        ref: MaybeRef = "",
        failed: Annotated[
            Path | None,
            typer.Option("--failed", metavar="FILE", help="Write a manifest of what failed, to be retried."),
        ] = None,
        output: Output = Format.TABLE,
    ) -> None:
        """Show why objects failed, by reason, with what to do; exit 1 when some did."""
        replication = open_replication(ctx)
        seeds = replication.select(ref) if ref else latest(replication.seeds(limit=10_000))
        failures = replication.failures(seeds)
        found = [row for one in seeds for row in rows.failure_rows(one, failures.get(one.seed_id, []))]
        emit(found, output, REASONS, empty="No object failed.")
        if output is Format.TABLE:
            for one in seeds:
                if one.error:
                    print(f"{one.pair.title}: {one.error}", file=sys.stderr)
        if failed is not None:
            print(f"{failed}: {seeding.write_failed(replication, seeds, failed):,} rows", file=sys.stderr)
        raise_unwell(seeds)
