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
    noise: Annotated[bool, typer.Option("--noise", help="Include AWS's own services and consoles.")] = False,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """Count all S3 requests by agent, signature and TLS version, including agents of unknown SDKs.

    Examples:
      windlass clients agents
      windlass clients agents --noise -n 0 -o json
    """
    from windlass.clients.rows import count_row

    rows = (count_row(count) for count in open_clients(ctx).counts() if noise or not count.noise)
    columns = (Column("requests", right=True), "sdk", "signature", "tls", "noise", "agent")
    emit(rows, output, columns, limit=limit, empty="No scan has read any log yet.")
