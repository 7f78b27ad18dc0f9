"""`windlass token create`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.options import DryRun

__all__ = ["create"]


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The person or program that uses the token.")],
    role: Annotated[
        Literal["report", "read", "operate", "admin"],
        typer.Option("--role", help="The role of the token; report may only send facts and resources."),
    ] = "read",
    expires: Annotated[
        str, typer.Option("--expires", metavar="DURATION", help="Lifetime of the token: 24h, 90d, 52w, or never.")
    ] = "90d",
    dry_run: DryRun = False,
) -> None:
    """Create a token. It is printed once, and cannot be shown again.

    Examples:
      windlass token create --name ci --expires 24h
      windlass token create --name alex --role operate --dry-run
    """
    from windlass.api.auth import Role
    from windlass.api.tokens import create_token
    from windlass.present.times import expiry_of
    from windlass.store.audit_log import audit

    now = clock.now()
    expires_at = expiry_of(expires, now)
    end = f"{expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "never"
    if dry_run:
        print(f"would create a token for {name} with role {role}; expires: {end}")
        return
    store = open_app(ctx).store
    token, secret = create_token(store, name=name, role=Role.named(role), now=now, expires_at=expires_at)
    detail = f"{name} {role}, expires {end}"
    audit(store, actor="command line", action="token.create", target=token.token_id, detail=detail, now=now)
    print(f"{token.token_id}  {secret.reveal()}")
    print(f"expires: {end}", file=sys.stderr)
