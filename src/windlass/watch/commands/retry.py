"""`windlass watch retry`."""

from __future__ import annotations

import sys

import typer

from windlass.present.options import DryRun
from windlass.watch.commands.options import RuleName, open_watch

__all__ = ["retry"]


def retry(ctx: typer.Context, rule: RuleName, dry_run: DryRun = False) -> None:
    """Try the rule's deliveries again that were given up after three days.

    Examples:
      windlass watch retry public-buckets --dry-run
      windlass watch retry public-buckets
    """
    from windlass.watch.model import DeliveryStatus

    watch = open_watch(ctx)
    if dry_run:
        number = len(watch.deliveries(rule=rule, status=DeliveryStatus.FAILED, limit=10_000))
        print(f"{number} deliveries would be tried again", file=sys.stderr)
        return
    print(f"{watch.retry(rule)} deliveries will be tried again", file=sys.stderr)
