"""`windlass aggregate trigger`."""

from __future__ import annotations

import sys

import typer

from windlass.aggregation.commands.options import Key, RuleName, open_aggregation
from windlass.present.options import DryRun

__all__ = ["trigger"]


def trigger(ctx: typer.Context, rule: RuleName, key: Key, dry_run: DryRun = False) -> None:
    """Run a key's action without an event, as soon as the rule's pace allows.

    Examples:
      windlass aggregate trigger refresh-scans scans --dry-run
      windlass aggregate trigger refresh-scans scans
    """
    aggregation = open_aggregation(ctx)
    if dry_run:
        action = aggregation.config(rule).action.kind
        print(f"would send a timer for {key}; a worker then runs {action}")
        return
    aggregation.trigger(rule, key)
    print(f"{rule} {key}: timer sent; a worker runs the action when it arrives", file=sys.stderr)
