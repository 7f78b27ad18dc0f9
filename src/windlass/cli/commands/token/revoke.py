"""`windlass token revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.confirmation import confirmed
from windlass.present.options import DryRun

__all__ = ["revoke"]


def revoke(
    ctx: typer.Context,
    token_id: Annotated[
        str, typer.Argument(metavar="TOKEN", help="The token's id, as `windlass token list` shows it.")
    ],
    dry_run: DryRun = False,
) -> None:
    """Revoke a token at once.

    Examples:
      windlass token revoke token-01 --dry-run
      windlass token revoke token-01
    """
    from windlass.api.tokens import revoke_token
    from windlass.store.audit_log import audit

    if not confirmed(f"revoke {token_id}", yes=True, dry_run=dry_run):
        return
    store = open_app(ctx).store
    token = revoke_token(store, token_id, now=clock.now())
    audit(store, actor="command line", action="token.revoke", target=token.token_id, now=clock.now())
    print(f"{token.token_id}: revoked")
