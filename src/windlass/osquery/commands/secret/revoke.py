"""`windlass osquery secret revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.osquery.commands.options import open_osquery
from windlass.present.commands import service
from windlass.present.confirmation import confirmed
from windlass.present.options import DryRun

__all__ = ["revoke"]


def revoke(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the secret.")],
    dry_run: DryRun = False,
) -> None:
    """Revoke an enrollment secret: no host enrolls with it any more. Enrolled hosts stay.

    Examples:
      windlass osquery secret revoke web-2026 --dry-run
      windlass osquery secret revoke web-2026
    """
    from windlass.store.audit_log import COMMAND_LINE, audit

    if confirmed(f"revoke the enrollment secret {name}", yes=True, dry_run=dry_run):
        open_osquery(ctx).revoke_secret(name)
        audit(service(ctx, "store"), actor=COMMAND_LINE, action="osquery.secret.revoke", target=name, now=clock.now())
        print(f"{name}: revoked")
