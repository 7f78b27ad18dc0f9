"""`windlass aggregate resume`."""

from __future__ import annotations

import sys

import typer

from windlass.aggregation.commands.options import AnyKey, RuleName, open_aggregation
from windlass.present.options import DryRun

__all__ = ["resume"]


def resume(ctx: typer.Context, rule: RuleName, key: AnyKey = "", dry_run: DryRun = False) -> None:
    """Resume the actions of a paused rule, or of one paused key.

    Examples:
      windlass aggregate resume refresh-scans --dry-run
      windlass aggregate resume refresh-scans scans
    """
    aggregation, target = open_aggregation(ctx), " ".join(filter(None, (rule, key)))
    if dry_run:
        waiting = sum(item.uncovered > 0 for item in aggregation.items(rule, key))
        print(f"would resume {target}; {_uncovered(waiting)}")
        return
    waiting = aggregation.resume(rule, key)
    print(f"{target}: resumed; {_uncovered(waiting)}", file=sys.stderr)


def _uncovered(keys: int) -> str:
    return "1 key has uncovered events" if keys == 1 else f"{keys:,} keys have uncovered events"
