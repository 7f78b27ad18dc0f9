"""`windlass aggregate pause`."""

from __future__ import annotations

import sys

import typer

from windlass.aggregation.commands.options import AnyKey, RuleName, open_aggregation
from windlass.present.options import DryRun

__all__ = ["pause"]


def pause(ctx: typer.Context, rule: RuleName, key: AnyKey = "", dry_run: DryRun = False) -> None:
    """Hold back the actions of a rule, or of one key. Events are still counted, and covered after `resume`.

    Examples:
      windlass aggregate pause refresh-scans --dry-run
      windlass aggregate pause refresh-scans scans
    """
    aggregation, target = open_aggregation(ctx), " ".join(filter(None, (rule, key)))
    if dry_run:
        print(f"would pause {target}; {'it is' if aggregation.paused(rule) else 'the rule is not'} paused now")
        return
    aggregation.pause(rule, key)
    print(f"{target}: paused", file=sys.stderr)
