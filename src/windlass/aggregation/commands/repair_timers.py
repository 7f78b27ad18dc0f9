"""`windlass aggregate repair-timers`."""

from __future__ import annotations

import sys

import typer

from windlass.aggregation.commands.options import AnyRule, open_aggregation
from windlass.present.options import DryRun

__all__ = ["repair_timers"]


def repair_timers(ctx: typer.Context, rule: AnyRule = "", dry_run: DryRun = False) -> None:
    """Find keys whose timer was lost, and send new timers. Workers do this regularly; this command does it now.

    Examples:
      windlass aggregate repair-timers --dry-run
      windlass aggregate repair-timers refresh-scans
    """
    aggregation = open_aggregation(ctx)
    if dry_run:
        waiting = sum(item.uncovered > 0 for item in aggregation.items(rule))
        print(f"would check {waiting:,} keys with uncovered events, and send a timer for each key without one")
        return
    print(f"sent {aggregation.repair_timers(rule):,} timers", file=sys.stderr)
