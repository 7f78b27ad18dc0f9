"""`windlass osquery query`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.osquery.commands.options import Hosts, Tags, open_osquery
from windlass.present.options import DryRun, Duration, Limit, Output
from windlass.present.output import Format, emit

__all__ = ["query"]

_EXIT_PARTIAL = 1


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A SELECT over osquery's tables.")],
    hosts: Hosts = None,
    tags: Tags = None,
    timeout: Annotated[
        Duration, typer.Option("--timeout", metavar="DURATION", help="How long to wait for answers.", parser=Duration)
    ] = Duration("2m"),
    limit: Limit = 0,
    output: Output = Format.TABLE,
    dry_run: DryRun = False,
) -> None:
    """Run a query on enrolled hosts now, and print the rows of each; needs a running `windlass serve` or `up`.

    Exit code 1: a host failed or did not answer. Without --host and --tag, every enrolled host is asked.

    Examples:
      windlass osquery query "SELECT name, version FROM os_version" --host web-1 --timeout 5s
      windlass osquery query "SELECT pid, name FROM processes" --tag team=web --dry-run
    """
    from windlass.osquery.rows import result_rows, summary_of
    from windlass.osquery.service import LiveRequest

    service = open_osquery(ctx)
    request = LiveRequest(
        sql=sql, hosts=tuple(hosts or ()), tags=tuple(tags or ()), timeout_s=float(timeout), actor="command line"
    )
    if dry_run:
        names = ", ".join(node.details.name or node.node_id for node in service.targets(request))
        print(f"would ask {names}")
        return
    answered = service.wait(service.ask(request).query_id)
    rows = list(result_rows(answered))
    emit(rows, output, list(dict.fromkeys(name for row in rows for name in row)), limit=limit, empty="No rows.")
    for line in summary_of(answered):
        print(line, file=sys.stderr)
    if not answered.succeeded:
        raise typer.Exit(_EXIT_PARTIAL)
