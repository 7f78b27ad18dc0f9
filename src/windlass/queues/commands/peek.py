"""`windlass queue peek`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.present.options import Account, Output, Region
from windlass.present.output import Format, emit
from windlass.queues.commands.options import QueueName, open_queues

__all__ = ["PeekLimit", "peek"]

PeekLimit = Annotated[
    int, typer.Option("--limit", "-n", metavar="COUNT", min=1, max=1000, help="Maximum number of messages.")
]


def peek(
    ctx: typer.Context,
    queue: QueueName,
    account: Account = "",
    region: Region = "",
    limit: PeekLimit = 10,
    output: Output = Format.TABLE,
) -> None:
    """Show messages without taking them out. SQS counts this as a receive, which moves them closer to the DLQ.

    Examples:
      windlass queue peek orders
      windlass queue peek orders -n 100 -o jsonl
    """
    from windlass.queues.rows import MESSAGE_COLUMNS, message_row

    queues = open_queues(ctx)
    opened = queues.open(queue, account_id=account, region=region)
    rows = (message_row(message, output) for message in queues.peek(opened, count=limit))
    emit(rows, output, MESSAGE_COLUMNS, now=clock.now(), empty=f"No message of {opened.name} is visible.")
