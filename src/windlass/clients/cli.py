"""`windlass clients …`: thin faces over the service. `commands` is handed what opens it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from windlass.clients import rows
from windlass.clients.html import render_report
from windlass.clients.model import Client, FileOutcome, Scan
from windlass.clients.scan_job import scan_as_job
from windlass.clients.service import Clients, ScanOptions
from windlass.clients.trail import prices
from windlass.clients.trailing import trail_commands
from windlass.core import clock
from windlass.core.errors import EXIT_FINDINGS, PartialFailure, UsageError
from windlass.core.units import format_bytes
from windlass.jobs.service import Jobs
from windlass.present.output import Column, Format, emit
from windlass.present.progress import ProgressLine

__all__ = ["commands"]

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Rules = Annotated[
    str, typer.Option("--rules", metavar="NAMES", help="Only these rules, as sigv2,tls,sdk; `all` for every one.")
]

_COLUMNS = (
    "rules",
    "client",
    Column("required", "NEEDS"),
    Column("requests", right=True),
    "principal",
    "owner",
    "bucket",
    "first_seen",
    "last_seen",
)


def commands(
    open_clients: Callable[[typer.Context], Clients], open_jobs: Callable[[typer.Context], Jobs]
) -> typer.Typer:
    """The `clients` group over whatever service the composition root opens."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Find who still calls S3 the old way, and whose machine that is.",
    )
    app.add_typer(trail_commands(open_clients), name="trail")

    @app.command()
    def scan(
        ctx: typer.Context,
        source: Annotated[
            str, typer.Argument(metavar="SOURCE", help="A folder, a file, or s3://BUCKET/PREFIX of CloudTrail's logs.")
        ],
        since: Annotated[
            str, typer.Option(metavar="TIME", help="Logs of this day and later, days read whole: 7d, 2026-11-20.")
        ] = "",
        until: Annotated[str, typer.Option(metavar="TIME", help="Logs of days before this time.")] = "",
        rules: Annotated[
            str,
            typer.Option(
                "--rules", metavar="NAMES", help="Rules to judge besides the default ones: path-style or all."
            ),
        ] = "",
        workers: Annotated[int, typer.Option(min=0, help="Processes that read; 0 takes one per core.")] = 0,
        account: Annotated[
            str, typer.Option(help="Account whose credentials read the bucket; else the caller's.")
        ] = "",
        fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier scans found, and read all.")] = False,
        athena: Annotated[
            bool,
            typer.Option(
                "--athena",
                help="Let Athena read s3://…; a day's answer replaces its earlier one. --since is 7d by default.",
            ),
        ] = False,
        strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a log could not be read.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Read CloudTrail's S3 data events; only files that are new, changed or not yet judged by every rule.

        Examples: `windlass clients scan s3://LOGS/AWSLogs/ --since 30d`, `windlass clients scan ./logs --strict`.
        """
        now = clock.now()
        options = ScanOptions(
            source=source,
            rules=_names(rules),
            workers=workers,
            account_id=account,
            fresh=fresh,
            athena=athena,
            since=clock.parse_when(since, at=now) if since else None,
            until=clock.parse_when(until, at=now) if until else None,
        )
        clients = open_clients(ctx)
        with ProgressLine("scanning", quiet=quiet) as line:
            done = scan_as_job(clients, open_jobs(ctx), options, show=line.update, stop=threading.Event())
        _tell(clients, done, output, strict=strict)

    @app.command()
    def report(
        ctx: typer.Context,
        rules: Rules = "",
        as_of: Annotated[
            str, typer.Option("--as-of", metavar="DATE", help="Judge ends of support as of this day.")
        ] = "",
        since: Annotated[str, typer.Option(metavar="TIME", help="Only requests of this day and later.")] = "",
        html: Annotated[
            Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")
        ] = None,
        parquet: Annotated[
            Path | None, typer.Option("--parquet", metavar="FILE", help="Write every kept use, for DuckDB and others.")
        ] = None,
        fail_on: Annotated[
            str,
            typer.Option(
                "--fail-on",
                metavar="NAMES",
                help="Exit 3 when these rules find something, 1 when the logs leave it unknown; `any` for all.",
            ),
        ] = "",
        accept_gaps: Annotated[
            bool, typer.Option("--accept-gaps", help="With --fail-on: exit 0 although logs or days are missing.")
        ] = False,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many clients.")] = 100,
        json_: Annotated[bool, typer.Option("--json", help="As --output json.")] = False,
        csv: Annotated[bool, typer.Option("--csv", help="As --output csv.")] = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Show each client: what is wrong, since when, how often, from where, whose it is, and what to upgrade to.

        Examples: `windlass clients report --since 30d --html report.html`, `windlass clients report --fail-on sigv2,tls`.
        """
        clients, now = open_clients(ctx), clock.now()
        on = clock.parse_when(as_of, at=now).date() if as_of else now.date()
        since_day = clock.parse_when(since, at=now).date().isoformat() if since else ""
        found = clients.report(rules=_names(rules), on=on, since_day=since_day)
        coverage = clients.coverage(rules=_names(rules), since_day=since_day)
        if html:
            page = render_report(
                found,
                on=on,
                counts=clients.counts(since_day=since_day),
                signatures=clients.signatures(),
                unread_files=clients.unread_files(),
                coverage=coverage,
            )
            html.write_text(page, encoding="utf-8")
            print(f"{html}: {len(found):,} clients", file=sys.stderr)
        if parquet:
            print(
                f"{parquet}: {rows.write_parquet(clients.uses(since_day=since_day), parquet):,} rows", file=sys.stderr
            )
        if not html and not parquet:
            fmt = Format.JSON if json_ else Format.CSV if csv else output
            _emit(found[:limit] if fmt is Format.TABLE else found, len(found), fmt)
        print("\n".join((f"Coverage: {coverage.text}.", *coverage.gaps)), file=sys.stderr)
        _fail_on(clients, _names(fail_on), on=on, since_day=since_day, accept_gaps=accept_gaps)

    @app.command()
    def agents(
        ctx: typer.Context,
        include_aws: Annotated[
            bool, typer.Option("--include-aws", help="Include requests of AWS's own services and consoles.")
        ] = False,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 50,
        output: Output = Format.TABLE,
    ) -> None:
        """Count all S3 requests by agent, signature and TLS version, agents of unknown SDKs among them."""
        found = [rows.count_row(one) for one in open_clients(ctx).counts() if include_aws or not one.exclusion]
        columns = (Column("requests", right=True), "sdk", "signature", "tls", "exclusion", "agent")
        emit(found[:limit], output, columns, empty="No scan has read anything yet.")

    @app.command()
    def scans(ctx: typer.Context, output: Output = Format.TABLE) -> None:
        """List the last scans."""
        columns = (
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
        found = (rows.scan_row(one) for one in open_clients(ctx).scans())
        emit(found, output, columns, now=clock.now(), empty="No scan was made yet.")

    @app.command()
    def table(output: Output = Format.TABLE) -> None:
        """Print the table of SDKs: first version with SigV4 by default, end of support, and who says so."""
        emit(rows.sdk_rows(), output, ("sdk", "sigv4_from", "below", "ended", "seen", "source", "note"))

    return app


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.replace(",", " ").split() if name)


def _tell(clients: Clients, done: Scan, output: Format, *, strict: bool) -> None:
    if output is Format.TABLE and done.engine == "athena":
        price = done.size_bytes / 1e12 * prices().athena_per_tb
        print(f"{done.requests:,} S3 requests; Athena read {format_bytes(done.size_bytes)}, about ${price:,.2f}.")
    elif output is Format.TABLE:
        took = (done.finished_at - done.started_at).total_seconds() if done.finished_at else 0.0
        rate = f", {format_bytes(done.raw_bytes / took)}/s" if took else ""
        print(
            f"{done.files:,} files read ({format_bytes(done.raw_bytes)} inflated{rate}), {done.skipped:,} known already,"
            f" {done.broken:,} unreadable, {done.other_kind:,} of another kind."
        )
        print(
            f"{done.requests:,} S3 requests in {done.records:,} records. `windlass clients report` shows what they say."
        )
    else:
        emit([rows.scan_row(done)], output, list(rows.scan_row(done)))
    unread_files = clients.unread_files(done.scan_id)
    for file in unread_files[:20]:
        print(f"windlass: {file.source}: {file.problem}", file=sys.stderr)
    if len(unread_files) > 20:
        print(f"windlass: and {len(unread_files) - 20:,} more", file=sys.stderr)
    unreadable = [file for file in clients.unread_files() if file.outcome is FileOutcome.UNREADABLE]
    if unreadable and strict:
        raise PartialFailure(
            f"{len(unreadable):,} logs could not be read, {unreadable[0].source} among them",
            hint="Deliver or download them again; `windlass clients report` counts the rest.",
        )


def _emit(found: tuple[Client, ...], total: int, fmt: Format) -> None:
    shown = (rows.client_row(one) for one in found)
    columns = _COLUMNS if fmt is Format.TABLE else list(rows.client_row(found[0])) if found else _COLUMNS
    emit(shown, fmt, columns, empty="Nothing was found. `windlass clients scans` lists what was read.")
    if fmt is Format.TABLE and found:
        for one in found[:5]:
            row = rows.client_row(one)
            print(f"\n{row['client']} as {row['principal'] or 'nobody'}\n  {row['upgrade']}")
        if total > len(found):
            print(f"{len(found):,} of {total:,}; --limit shows more.", file=sys.stderr)


def _fail_on(clients: Clients, names: tuple[str, ...], *, on: date, since_day: str, accept_gaps: bool) -> None:
    """Judge by the rules named, whatever rules the report shows: findings, all clear, or unknown."""
    if not names:
        return
    known = {str(row["rule"]) for row in rows.rule_rows()}
    if set(names) - known - {"any"}:
        raise UsageError(f"--fail-on {','.join(names)}: no such rule", hint=f"Rules: {', '.join(sorted(known))}, any.")
    rules = () if "any" in names else names
    if clients.report(rules=rules, on=on, since_day=since_day):
        raise typer.Exit(EXIT_FINDINGS)
    gaps = clients.coverage(rules=rules, since_day=since_day).gaps
    if gaps and not accept_gaps:
        raise PartialFailure(
            f"unknown: nothing was found, but the logs do not cover the question. {' '.join(gaps)}",
            hint="Scan what is missing, or pass --accept-gaps to fail on findings alone.",
        )
