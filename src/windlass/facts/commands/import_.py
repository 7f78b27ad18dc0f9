"""`windlass facts import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.core.errors import PartialFailure, UsageError
from windlass.facts.commands.options import open_facts
from windlass.present.commands import service
from windlass.present.options import Account, DryRun, Limit, Output, Quiet, Region
from windlass.present.output import Format, emit

if TYPE_CHECKING:
    from windlass.facts.sync_import import SyncResult

__all__ = ["import_"]


def import_(
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Files to read, or folders of files; s3://BUCKET/PREFIX with --from ssm."),
    ],
    source: Annotated[str, typer.Option("--from", metavar="FORMAT", help="ansible, osquery or ssm.")],
    account: Account = "",
    region: Region = "",
    dry_run: DryRun = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Import facts of hosts from files: facts of Ansible, results of osquery, inventory of Systems Manager.

    Importing a file again changes nothing. What a file does not say stays as it was.

    Examples:
      windlass facts import --from ansible facts/
      windlass facts import --from ssm s3://trail-logs/inventory/ --dry-run
    """
    locations = [file for file in files if file.startswith("s3://")]
    if not locations:
        _import_files(ctx, source, files, dry_run=dry_run, limit=limit, output=output)
    elif source != "ssm" or len(locations) < len(files):
        raise UsageError("s3:// is for --from ssm, and for it alone", hint="Import local files by another command.")
    else:
        for location in locations:
            _import_sync(ctx, location, account, region, dry_run=dry_run, limit=limit, output=output, quiet=quiet)


def _import_files(
    ctx: typer.Context, source: str, files: list[str], *, dry_run: bool, limit: int, output: Format
) -> None:
    from windlass.facts.files import read_files
    from windlass.facts.rows import RESULT_COLUMNS, result_row

    reports = read_files(source, map(Path, files))
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


def _import_sync(
    ctx: typer.Context,
    location: str,
    account: str,
    region: str,
    *,
    dry_run: bool,
    limit: int,
    output: Format,
    quiet: bool,
) -> None:
    from windlass.facts.rows import RESULT_COLUMNS, result_row
    from windlass.present.progress import ProgressLine

    with ProgressLine("importing", quiet=quiet) as line:
        result: SyncResult = service(ctx, "sync_import").import_sync(
            location, account_id=account, region=region, progress=line.update, dry_run=dry_run
        )
    emit(map(result_row, result.sections), output, RESULT_COLUMNS, limit=limit, empty="Nothing is new.")
    counts = f"{result.files:,} files of {len(result.hosts):,} hosts"
    done = f"; {result.done_before:,} files were imported before" if result.done_before else ""
    print(f"{'would import' if dry_run else 'imported'} {counts}{done}", file=sys.stderr)
    for where, failure in sorted(result.failures.items()):
        print(f"{where}: {failure}", file=sys.stderr)
    if result.failures:
        raise PartialFailure(
            f"{len(result.failures):,} files could not be imported", hint="Import again: it reads these."
        )
