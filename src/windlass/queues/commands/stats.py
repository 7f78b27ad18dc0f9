"""`windlass queue stats`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.present.options import Account, Output, Region
from windlass.present.output import Column, Format, emit
from windlass.queues.commands.options import QueueName, open_queues

__all__ = ["stats"]


def stats(
    ctx: typer.Context, queue: QueueName, account: Account = "", region: Region = "", output: Output = Format.TABLE
) -> None:
    """Show a queue's depth, the age of its oldest message, and its consumers.

    Examples:
      windlass queue stats orders
      windlass queue stats orders -r us-east-1 -o json
    """
    from windlass.queues.rows import CONSUMER_COLUMNS, DEPTH_COLUMNS, consumer_row, queue_row

    queues = open_queues(ctx)
    opened = queues.open(queue, account_id=account, region=region)
    row = queue_row(opened, queues.depth(opened, oldest=True))
    emit([row], output, [*DEPTH_COLUMNS, Column("oldest_s", "OLDEST S", right=True)])
    now = clock.now()
    consumers = (
        [consumer_row(consumer, now) for consumer in queues.consumers(opened.arn)] if output is Format.TABLE else []
    )
    if consumers:
        print()
        emit(consumers, output, CONSUMER_COLUMNS, now=now)
