"""`windlass queue drain`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

import typer

from windlass.present.confirmation import confirmed
from windlass.present.options import Account, DryRun, File, Limit, Region, Yes
from windlass.present.progress import ProgressLine
from windlass.queues.commands.options import QueueName, open_queues

__all__ = ["drain"]


def drain(
    ctx: typer.Context,
    queue: QueueName,
    file: File,
    account: Account = "",
    region: Region = "",
    limit: Limit = 0,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Move messages out of a queue into a file, one JSON object per line. Each is on disk before it is deleted.

    Examples:
      windlass queue drain orders --file orders.jsonl --yes
      windlass queue drain orders --file sample.jsonl -n 100 --dry-run
    """
    queues = open_queues(ctx)
    opened = queues.open(queue, account_id=account, region=region)
    visible = queues.depth(opened).visible
    action = f"move {min(limit or visible, visible):,} messages of {opened.name} to {file}"
    if not confirmed(action, yes=yes, dry_run=dry_run):
        return
    moved = 0
    with file.open("ab") as target, ProgressLine(f"draining {opened.name}") as line:
        for moved in queues.drain(opened, lambda rows: _append(target, rows), most=limit):
            line.update(moved, limit)
    print(f"moved {moved:,} messages of {opened.name} to {file}", file=sys.stderr)


def _append(file: IO[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    file.flush()
    os.fsync(file.fileno())
