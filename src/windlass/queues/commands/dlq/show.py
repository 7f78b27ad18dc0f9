"""`windlass queue dlq show`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.present.options import Account, Output, Region
from windlass.present.output import Format, emit
from windlass.queues.commands.options import QueueName, dead_letter_queue, open_queues
from windlass.queues.commands.peek import PeekLimit

__all__ = ["show"]


def show(
    ctx: typer.Context,
    queue: QueueName,
    account: Account = "",
    region: Region = "",
    limit: PeekLimit = 10,
    output: Output = Format.TABLE,
) -> None:
    """Show the messages in a queue's dead-letter queue, and why each is there.

    Examples:
      windlass queue dlq show orders
      windlass queue dlq show orders -n 100 -o jsonl
    """
    from windlass.queues.rows import MESSAGE_COLUMNS, message_row

    queues = open_queues(ctx)
    dead = dead_letter_queue(queues, queue, account, region)
    rows = (message_row(message, output) for message in queues.peek(dead, count=limit))
    emit(rows, output, MESSAGE_COLUMNS, now=clock.now(), empty=f"No message of {dead.name} is visible.")
