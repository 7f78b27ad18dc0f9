"""`windlass queue list`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.present.options import Account, Limit, Output, Region
from windlass.present.output import Format, emit
from windlass.queues.commands.options import open_queues

__all__ = ["list_"]


def list_(
    ctx: typer.Context,
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="Only queues whose names begin with this.")] = "",
    account: Account = "",
    region: Region = "",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List queues with their depth and dead-letter queue.

    Examples:
      windlass queue list
      windlass queue list orders -r eu-west-1 -o json
    """
    from windlass.queues.rows import DEPTH_COLUMNS, queue_row

    queues = open_queues(ctx)
    listed = queues.list(account_id=account, region=region, prefix=prefix)
    rows = (queue_row(queue, queues.depth(queue)) for queue in listed)
    emit(rows, output, DEPTH_COLUMNS, limit=limit, empty="No queue matches.")
