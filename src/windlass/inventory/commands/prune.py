"""`windlass inventory prune`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.options import open_inventory
from windlass.present.confirmation import require_confirmation
from windlass.present.options import DryRun, Yes

__all__ = ["prune"]


def prune(
    ctx: typer.Context,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="TIME", help="Remove revisions from before this time: 90d, 2026-01-31."),
    ],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Thin out old history: one revision per day remains, and always the current one.

    Examples:
      windlass inventory prune --older-than 90d --dry-run
      windlass inventory prune --older-than 90d --yes
    """
    inventory, before = open_inventory(ctx), clock.parse_when(older_than, at=clock.now())
    count = inventory.prune(before, dry_run=True)
    if not dry_run:
        require_confirmation(f"remove {count:,} revisions from before {before:%Y-%m-%d %H:%M} UTC", yes=yes)
        count = inventory.prune(before, dry_run=False)
    print(f"{count:,} revisions {'would be' if dry_run else 'were'} removed")
