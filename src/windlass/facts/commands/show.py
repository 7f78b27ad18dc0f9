"""`windlass facts show`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.facts.commands.options import At, HostRef, SectionName, open_facts, time_of
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["show"]


def show(
    ctx: typer.Context,
    host: HostRef,
    section: SectionName = "",
    at: At = "",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show a host's sections, now or at a time; with --section, its rows. A section that is not listed is unknown.

    Examples:
      windlass facts show web-1
      windlass facts show web-1 --section packages --at 2h -o csv
    """
    from windlass.facts.rows import SECTION_COLUMNS, section_row

    sections = open_facts(ctx).sections(host, *([section] if section else ()), at=time_of(at))
    if not section:
        rows = [section_row(each, rows=output is Format.JSON) for each in sections]
        emit(rows, output, SECTION_COLUMNS, now=clock.now(), limit=limit, empty="Nothing was read.")
        return
    rows = [{"section": each.name, **row} for each in sections for row in each.rows]
    columns = dict.fromkeys(name for row in rows for name in row)
    emit(rows, output, columns, limit=limit, empty=f"{section} was not read, or is empty.")
