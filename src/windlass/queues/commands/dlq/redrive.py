"""`windlass queue dlq redrive`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.present.confirmation import confirmed
from windlass.present.options import Account, DryRun, Region, Yes
from windlass.present.progress import ProgressLine
from windlass.queues.commands.options import QueueName, dead_letter_queue, open_queues

__all__ = ["redrive"]


def redrive(
    ctx: typer.Context,
    queue: QueueName,
    account: Account = "",
    region: Region = "",
    to: Annotated[str, typer.Option("--to", metavar="QUEUE", help="Move them to this queue instead of QUEUE.")] = "",
    rate: Annotated[int, typer.Option("--rate", min=0, max=500, help="Messages per second; 0 lets SQS decide.")] = 0,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Move a queue's dead letters back to the queue, to be handled again.

    Examples:
      windlass queue dlq redrive orders --dry-run
      windlass queue dlq redrive orders --rate 50 --yes
    """
    queues = open_queues(ctx)
    source = queues.open(queue, account_id=account, region=region)
    dead = dead_letter_queue(queues, queue, account, region)
    target = queues.open(to, account_id=account, region=region) if to else source if source.arn != dead.arn else None
    where = target.name if target else "the queues they came from"
    if not confirmed(
        f"move {queues.depth(dead).visible:,} messages of {dead.name} to {where}", yes=yes, dry_run=dry_run
    ):
        return
    moved = 0
    with ProgressLine(f"redriving {dead.name}") as line:
        for step in queues.redrive(dead, to=target, rate_per_s=rate):
            moved = step.moved
            line.update(step.moved, step.total)
    print(f"moved {moved:,} messages of {dead.name}", file=sys.stderr)
