"""`windlass osquery secret create`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.core import clock
from windlass.osquery.commands.options import SecretName, open_osquery
from windlass.present.commands import service
from windlass.present.options import DryRun

__all__ = ["create"]


def create(
    ctx: typer.Context,
    name: SecretName,
    expires: Annotated[
        str, typer.Option("--expires", metavar="DURATION", help="Lifetime of the secret: 24h, 90d, 52w, or never.")
    ] = "never",
    dry_run: DryRun = False,
) -> None:
    """Create an enrollment secret. It is printed once, and cannot be shown again.

    Several secrets are valid at once: distribute a new one, then revoke the old one.

    Examples:
      windlass osquery secret create --name web-2026 --expires 90d
      windlass osquery secret create --name laptops --dry-run
    """
    from windlass.present.times import expiry_of
    from windlass.store.audit_log import COMMAND_LINE, audit

    now = clock.now()
    expires_at = expiry_of(expires, now)
    end = f"{expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "never"
    if dry_run:
        print(f"would create the enrollment secret {name}; expires: {end}")
        return
    secret = open_osquery(ctx).create_secret(name, expires_at=expires_at)
    detail = f"expires {end}"
    audit(
        service(ctx, "store"), actor=COMMAND_LINE, action="osquery.secret.create", target=name, detail=detail, now=now
    )
    print(secret.reveal())
    print(f"expires: {end}", file=sys.stderr)
