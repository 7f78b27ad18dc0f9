"""`windlass osquery revoke`."""

from __future__ import annotations

import typer

from windlass.osquery.commands.options import NodeName, open_osquery
from windlass.present.confirmation import confirmed
from windlass.present.options import DryRun

__all__ = ["revoke"]


def revoke(ctx: typer.Context, host: NodeName, dry_run: DryRun = False) -> None:
    """Revoke a host at once: its key ends, and it cannot enroll again until it is restored.

    Examples:
      windlass osquery revoke web-1 --dry-run
      windlass osquery revoke web-1
    """
    if confirmed(f"revoke {host}", yes=True, dry_run=dry_run):
        print(f"{open_osquery(ctx).revoke(host).details.name}: revoked")
