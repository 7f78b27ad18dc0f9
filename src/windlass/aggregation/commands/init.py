"""`windlass aggregate init`."""

from __future__ import annotations

import sys

import typer

from windlass.aggregation.commands.options import RuleName, open_aggregation
from windlass.present.options import DryRun

__all__ = ["init"]


def init(ctx: typer.Context, rule: RuleName, dry_run: DryRun = False) -> None:
    """Create the rule's DynamoDB table and timer queue, where they do not exist.

    Examples:
      windlass aggregate init refresh-scans --dry-run
      windlass aggregate init refresh-scans
    """
    aggregation = open_aggregation(ctx)
    if dry_run:
        missing = aggregation.missing(rule)
        print(f"would create {', '.join(missing)}" if missing else f"rule {rule} has everything it needs")
        return
    created = aggregation.init(rule)
    print(f"created {', '.join(created)}" if created else f"rule {rule} has everything it needs", file=sys.stderr)
