"""`windlass clients report`."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.clients.commands.options import Since, open_clients
from windlass.core import clock
from windlass.core.errors import EXIT_FINDINGS, PartialFailure, UsageError
from windlass.present.options import Output, words_of
from windlass.present.output import Column, Format, emit

if TYPE_CHECKING:
    from windlass.clients.model import S3Client
    from windlass.clients.service import Clients

__all__ = ["report"]

_ADVISED = 5  # clients of a table whose advice is printed below it
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


def report(
    ctx: typer.Context,
    rules: Annotated[
        str,
        typer.Option("--rules", metavar="NAMES", help="Only these rules, such as sigv2,tls,sdk; all for every rule."),
    ] = "",
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="Day for which ends of support are judged; today by default.")
    ] = "",
    since: Since = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report as one HTML page instead.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write every recorded use as Parquet instead.")
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            metavar="NAMES",
            help="Exit 3 when these rules find a client, 1 when the logs leave it unknown; `any` for all rules.",
        ),
    ] = "",
    accept_gaps: Annotated[
        bool, typer.Option("--accept-gaps", help="With --fail-on: exit 0 even when logs or days are missing.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="COUNT",
            min=0,
            help="At most this many; 0 for all. By default 100 in a table, else all.",
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show each client: the finding, since when, how many requests, from where, its owner, and the upgrade.

    Examples:
      windlass clients report --since 30d --html report.html
      windlass clients report --fail-on sigv2,tls --accept-gaps -o csv
    """
    clients, now, names = open_clients(ctx), clock.now(), words_of(rules)
    on = clock.parse_when(as_of, at=now).date() if as_of else now.date()
    since_day = clock.parse_when(since, at=now).date().isoformat() if since else ""
    reported = clients.report(rules=names, on=on, since_day=since_day)
    coverage = clients.coverage(rules=names, since_day=since_day)
    if html:
        _write_html(clients, html, reported, on=on, since_day=since_day, names=names)
    if parquet:
        _write_parquet(clients, parquet, since_day)
    if not html and not parquet:
        _emit(reported, _limit(output) if limit is None else limit, output)
    print("\n".join((f"Coverage: {coverage.text}.", *coverage.gaps)), file=sys.stderr)
    _fail_on(clients, words_of(fail_on), on=on, since_day=since_day, accept_gaps=accept_gaps)


def _write_html(
    clients: Clients, file: Path, reported: tuple[S3Client, ...], *, on: date, since_day: str, names: tuple[str, ...]
) -> None:
    from windlass.clients.html import render_report

    page = render_report(
        reported,
        on=on,
        counts=clients.counts(since_day=since_day),
        signatures=clients.signatures(),
        unread_files=clients.unread_files(),
        coverage=clients.coverage(rules=names, since_day=since_day),
    )
    file.write_text(page, encoding="utf-8")
    print(f"{file}: {len(reported):,} clients", file=sys.stderr)


def _write_parquet(clients: Clients, file: Path, since_day: str) -> None:
    from windlass.clients.rows import write_parquet

    print(f"{file}: {write_parquet(clients.uses(since_day=since_day), file):,} rows", file=sys.stderr)


def _limit(output: Format) -> int:
    return 100 if output is Format.TABLE else 0


def _emit(reported: tuple[S3Client, ...], limit: int, output: Format) -> None:
    from windlass.clients.rows import client_row

    rows = [client_row(client) for client in reported]
    columns = _COLUMNS if output is Format.TABLE or not rows else list(rows[0])
    empty = "No client was found. `windlass clients scans` lists what was read."
    emit(rows, output, columns, limit=limit, empty=empty)
    if output is Format.TABLE:
        for row in rows[: min(_ADVISED, limit or _ADVISED)]:
            print(f"\n{row['client']} as {row['principal'] or 'anonymous'}\n  {row['upgrade']}")


def _fail_on(clients: Clients, names: tuple[str, ...], *, on: date, since_day: str, accept_gaps: bool) -> None:
    """Judge by the named rules, independently of the rules of the report: findings, all clear, or unknown."""
    from windlass.clients.rows import rule_rows

    if not names:
        return
    known = {str(row["rule"]) for row in rule_rows()}
    if set(names) - known - {"any"}:
        raise UsageError(f"--fail-on {','.join(names)}: no such rule", hint=f"Rules: {', '.join(sorted(known))}, any.")
    rules = () if "any" in names else names
    if clients.report(rules=rules, on=on, since_day=since_day):
        raise typer.Exit(EXIT_FINDINGS)
    gaps = clients.coverage(rules=rules, since_day=since_day).gaps
    if gaps and not accept_gaps:
        raise PartialFailure(
            f"unknown: no client was found, but the logs are incomplete. {' '.join(gaps)}",
            hint="Scan the missing logs, or pass --accept-gaps to fail only on findings.",
        )
