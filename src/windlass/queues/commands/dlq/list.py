"""`windlass queue dlq list`."""

from __future__ import annotations

import typer

from windlass.present.options import Account, Limit, Output, Region
from windlass.present.output import Format, emit
from windlass.queues.commands.options import open_queues

__all__ = ["list_"]


def list_(
    ctx: typer.Context, account: Account = "", region: Region = "", limit: Limit = 0, output: Output = Format.TABLE
) -> None:
    """List queues that have a dead-letter queue, with the number of messages in it.

    Examples:
      windlass queue dlq list
      windlass queue dlq list -r eu-west-1 -o csv
    """
    from windlass.queues.rows import DEAD_LETTER_COLUMNS, dead_letter_row

    pairs = open_queues(ctx).dead_letter_queues(account_id=account, region=region)
    rows = (dead_letter_row(pair) for pair in pairs)
    emit(rows, output, DEAD_LETTER_COLUMNS, limit=limit, empty="No queue has a redrive policy.")
