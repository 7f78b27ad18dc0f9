"""`windlass facts missing`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.facts.commands.options import Owner, SectionName, open_facts
from windlass.present.options import Duration, ExitCode, Limit, Output
from windlass.present.output import Format, emit

__all__ = ["missing"]


def missing(
    ctx: typer.Context,
    section: SectionName = "",
    silent: Annotated[
        Duration | None,
        typer.Option("--silent", parser=Duration, metavar="TIME", help="Also hosts without a report for this time."),
    ] = None,
    owner: Owner = "",
    exit_code: ExitCode = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List what is not known: instances without facts, sections that were not read, hosts that are silent; each with its reason.

    Examples:
      windlass facts missing
      windlass facts missing --section packages --silent 7d -o json
    """
    from windlass.core.errors import EXIT_FINDINGS
    from windlass.facts.rows import MISSING_COLUMNS, missing_row

    listed = open_facts(ctx).missing(section=section, silent_s=silent or 0)
    rows = [missing_row(each) for each in listed if owner in ("", each.owner)]
    emit(rows, output, MISSING_COLUMNS, limit=limit, empty="Nothing is missing.")
    if exit_code and rows:
        raise typer.Exit(EXIT_FINDINGS)
