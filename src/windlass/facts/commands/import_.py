"""`windlass facts import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from windlass.facts.commands.options import open_facts
from windlass.present.options import DryRun, Limit, Output
from windlass.present.output import Format, emit

__all__ = ["import_"]


def import_(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files to read, or folders of files.")],
    source: Annotated[str, typer.Option("--from", metavar="FORMAT", help="ansible, osquery or ssm.")],
    dry_run: DryRun = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Import facts of hosts from files: facts of Ansible, results of osquery, inventory of Systems Manager.

    Importing a file again changes nothing. What a file does not say stays as it was.

    Examples:
      windlass facts import --from ansible facts/
      windlass facts import --from ssm inventory.json --dry-run
    """
    from windlass.facts.files import read_files
    from windlass.facts.rows import RESULT_COLUMNS, result_row

    reports = read_files(source, files)
    if dry_run:
        rows = [
            {"host_id": report.host.host_id, "section": section.name, "outcome": "would be recorded"}
            for report in reports
            for section in report.sections
        ]
    else:
        rows = [result_row(result) for result in open_facts(ctx).record(reports)]
    emit(rows, output, RESULT_COLUMNS, limit=limit, empty="The files hold no facts.")
    print(f"{len({report.host.host_id for report in reports}):,} hosts, {len(rows):,} sections.", file=sys.stderr)
