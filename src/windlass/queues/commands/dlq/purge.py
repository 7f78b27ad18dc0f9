"""`windlass queue dlq purge`."""

from __future__ import annotations

import sys

import typer

from windlass.present.confirmation import confirmed
from windlass.present.options import Account, DryRun, Region, Yes
from windlass.queues.commands.options import QueueName, dead_letter_queue, open_queues

__all__ = ["purge"]


def purge(
    ctx: typer.Context,
    queue: QueueName,
    account: Account = "",
    region: Region = "",
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Delete every message of a queue's dead-letter queue, for good. `windlass queue drain` keeps a copy instead.

    Examples:
      windlass queue dlq purge orders --dry-run
      windlass queue dlq purge orders --yes
    """
    queues = open_queues(ctx)
    dead = dead_letter_queue(queues, queue, account, region)
    action = f"delete all {queues.depth(dead).total:,} messages of {dead.name} for good"
    if confirmed(action, yes=yes, dry_run=dry_run):
        queues.purge(dead)
        print(f"purged {dead.name}", file=sys.stderr)
