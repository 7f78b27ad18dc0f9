"""`windlass clients agents`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.clients.commands.options import open_clients
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["agents"]


def agents(
    ctx: typer.Context,
    include_aws: Annotated[
        bool, typer.Option("--include-aws", help="Include AWS's own services and consoles.")
    ] = False,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Count all S3 requests by agent, signature and TLS version, including agents of unknown SDKs.

    Examples:
      windlass clients agents
      windlass clients agents --include-aws -n 0 -o json
    """
    from windlass.clients.rows import count_row

    rows = (count_row(count) for count in open_clients(ctx).counts() if include_aws or not count.exclusion)
    columns = (Column("requests", right=True), "sdk", "signature", "tls", "exclusion", "agent")
    emit(rows, output, columns, limit=limit, empty="No scan has read a log yet. `windlass clients scan` reads logs.")
