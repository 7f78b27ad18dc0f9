"""`windlass osquery restore`."""

from __future__ import annotations

import typer

from windlass.osquery.commands.options import NodeName, open_osquery
from windlass.present.confirmation import confirmed
from windlass.present.options import DryRun

__all__ = ["restore"]


def restore(ctx: typer.Context, host: NodeName, dry_run: DryRun = False) -> None:
    """Allow a revoked host to enroll again.

    Examples:
      windlass osquery restore web-1 --dry-run
      windlass osquery restore web-1
    """
    if confirmed(f"restore {host}", yes=True, dry_run=dry_run):
        print(f"{open_osquery(ctx).restore(host).details.name}: restored")
