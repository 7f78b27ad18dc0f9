"""`windlass clients scan`."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.clients.commands.options import Since, open_clients
from windlass.core import clock
from windlass.core.errors import PartialFailure
from windlass.present.commands import service
from windlass.present.options import Account, Output, Quiet, words_of
from windlass.present.output import Format, emit
from windlass.present.progress import ProgressLine

if TYPE_CHECKING:
    from windlass.clients.model import LogScan
    from windlass.clients.service import Clients

__all__ = ["scan"]

_LISTED = 20  # unreadable logs that are named; the others are counted


def scan(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A folder, a file, or s3://BUCKET/PREFIX of CloudTrail logs.")
    ],
    since: Since = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Logs of days before this time.")] = "",
    rules: Annotated[
        str, typer.Option("--rules", metavar="NAMES", help="Also apply these rules: path-style, or all.")
    ] = "",
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that read; 0 starts one per core.")] = 0,
    account: Account = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Discard the results of earlier scans, and read all logs.")
    ] = False,
    athena: Annotated[
        bool, typer.Option("--athena", help="Let Athena read s3://…, day by day. --since is 7d by default.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a log could not be read.")] = False,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Read CloudTrail's S3 data events. Logs that an earlier scan has read are skipped.

    Examples:
      windlass clients scan s3://trail-logs/AWSLogs/ --since 30d
      windlass clients scan ./logs --strict -o json
    """
    from windlass.clients.scan_job import scan_as_job
    from windlass.clients.service import ScanOptions

    now = clock.now()
    options = ScanOptions(
        source=source,
        rules=words_of(rules),
        workers=workers,
        account_id=account,
        fresh=fresh,
        athena=athena,
        since=clock.parse_when(since, at=now) if since else None,
        until=clock.parse_when(until, at=now) if until else None,
    )
    clients = open_clients(ctx)
    with ProgressLine("scanning", quiet=quiet) as line:
        done = scan_as_job(clients, service(ctx, "jobs"), options, show=line.update, stop=threading.Event())
    _report(clients, done, output, strict=strict)


def _report(clients: Clients, done: LogScan, output: Format, *, strict: bool) -> None:
    from windlass.clients.model import FileOutcome
    from windlass.clients.rows import scan_row

    if output is Format.TABLE:
        print(_summary(done))
    else:
        emit([scan_row(done)], output, list(scan_row(done)))
    unread_files = clients.unread_files(done.scan_id)
    for file in unread_files[:_LISTED]:
        print(f"windlass: {file.source}: {file.problem}", file=sys.stderr)
    if len(unread_files) > _LISTED:
        print(f"windlass: and {len(unread_files) - _LISTED:,} more", file=sys.stderr)
    unreadable = [file for file in clients.unread_files() if file.outcome is FileOutcome.UNREADABLE]
    if unreadable and strict:
        raise PartialFailure(
            f"{len(unreadable):,} logs could not be read; the first: {unreadable[0].source}",
            hint="Download them again and scan again; `windlass clients report` shows the other logs.",
        )


def _summary(done: LogScan) -> str:
    from windlass.clients.trail import prices
    from windlass.core.units import format_bytes

    if done.engine == "athena":
        price = done.size_bytes / 1e12 * prices().athena_per_tb
        return f"{done.requests:,} S3 requests; Athena read {format_bytes(done.size_bytes)}, about ${price:,.2f}."
    seconds = (done.finished_at - done.started_at).total_seconds() if done.finished_at else 0.0
    rate = f", {format_bytes(done.raw_bytes / seconds)}/s" if seconds else ""
    return (
        f"{done.files:,} files read ({format_bytes(done.raw_bytes)} inflated{rate}), {done.skipped:,} read before,"
        f" {done.broken:,} unreadable, {done.other_kind:,} of another kind.\n"
        f"{done.requests:,} S3 requests in {done.records:,} records. `windlass clients report` shows the clients."
    )
