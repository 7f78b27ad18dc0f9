"""`windlass queue watch`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from windlass.present.options import Account, Duration, Output, Region
from windlass.present.output import Format, emit, emit_value
from windlass.queues.commands.options import QueueName, open_queues

__all__ = ["watch"]


def watch(
    ctx: typer.Context,
    queue: QueueName,
    account: Account = "",
    region: Region = "",
    interval: Annotated[
        Duration,
        typer.Option(
            "--interval", parser=Duration, metavar="DURATION", help="Time between two readings, at least 200ms."
        ),
    ] = Duration("2s"),
    times: Annotated[int, typer.Option("--times", min=0, help="Stop after this many readings; 0 never stops.")] = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show a queue's depth repeatedly, until Ctrl-C.

    Examples:
      windlass queue watch orders --times 2
      windlass queue watch orders --interval 500ms --times 3 -o jsonl
    """
    from windlass.queues.depth import readings

    queues = open_queues(ctx)
    opened = queues.open(queue, account_id=account, region=region)
    for row in readings(opened, lambda: queues.depth(opened), interval_s=max(0.2, interval), times=times):
        _show(row, output)


def _show(row: dict[str, Any], output: Format) -> None:
    if output is Format.TABLE:
        change = f"{row['change_per_s']:+.1f}/s" if row["change_per_s"] is not None else ""
        depth = f"visible {row['visible']:>9,}  in flight {row['in_flight']:>7,}  delayed {row['delayed']:>7,}"
        print(f"{row['at']}  {depth}  {change}")
    elif output is Format.JSON:
        emit_value(row)
    else:
        emit([row], Format.JSONL, ["at"])
    sys.stdout.flush()
