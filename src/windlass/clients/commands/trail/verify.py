"""`windlass clients trail verify`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.clients.commands.options import open_clients
from windlass.core import clock
from windlass.core.errors import EXIT_FINDINGS
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["verify"]


def verify(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="s3://BUCKET/AWSLogs/ of a trail with log file validation.")
    ],
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Digests delivered from this time on.")] = "7d",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Check CloudTrail's digests: no log file was changed or deleted. Exit 3 when one was changed or deleted.

    Examples:
      windlass clients trail verify s3://trail-logs/AWSLogs/
      windlass clients trail verify s3://trail-logs/AWSLogs/ --since 30d -o json
    """
    files = list(open_clients(ctx).verify(source, since=clock.parse_when(since, at=clock.now())))
    wrong = [{"file": file.source, "problem": file.problem} for file in files if not file.ok]
    emit(wrong, output, ("file", "problem"), limit=limit)
    print(f"{len(files) - len(wrong):,} of {len(files):,} files are as CloudTrail delivered them.", file=sys.stderr)
    if wrong:
        raise typer.Exit(EXIT_FINDINGS)
