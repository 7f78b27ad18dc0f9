"""`windlass queue send`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from windlass.core.errors import UsageError
from windlass.present.options import Account, DryRun, Duration, Region
from windlass.queues.commands.options import QueueName, open_queues

__all__ = ["send"]

_MAX_DELAY_S = 900  # SQS's limit of DelaySeconds


def send(
    ctx: typer.Context,
    queue: QueueName,
    bodies: Annotated[
        list[str] | None,
        typer.Argument(metavar="BODY", help="Messages; one per line of stdin when none is given."),
    ] = None,
    account: Account = "",
    region: Region = "",
    delay: Annotated[
        Duration,
        typer.Option("--delay", parser=Duration, metavar="DURATION", help="Time until they can be received: 30s, 10m."),
    ] = Duration("0s"),
    group: Annotated[str, typer.Option("--group", metavar="ID", help="Message group, on a FIFO queue.")] = "",
    large_bucket: Annotated[
        str, typer.Option("--large-bucket", metavar="BUCKET", help="Bucket for bodies larger than SQS accepts.")
    ] = "",
    dry_run: DryRun = False,
) -> None:
    """Send messages, from the command line or from stdin.

    Examples:
      windlass queue send orders '{"order": 1}' '{"order": 2}'
      windlass queue send orders --delay 30s --dry-run 'try again later'
    """
    if delay > _MAX_DELAY_S:
        raise UsageError(f"--delay {delay} is longer than SQS allows", hint="Give at most 15m.")
    queues = open_queues(ctx)
    opened = queues.open(queue, account_id=account, region=region)
    lines: Iterable[str] = bodies or (line.rstrip("\n") for line in sys.stdin if line.strip())
    if dry_run:
        print(f"would send {sum(1 for _ in lines):,} messages to {opened.name}")
        return
    sent = queues.send(opened, lines, delay_s=round(delay), group=group, large_bucket=large_bucket)
    print(f"sent {sent:,} messages to {opened.name}", file=sys.stderr)
