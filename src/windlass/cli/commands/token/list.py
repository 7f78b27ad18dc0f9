"""`windlass token list`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["list_"]


def list_(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List tokens, without their secrets.

    Examples:
      windlass token list
      windlass token list -n 5 -o json
    """
    from windlass.api.tokens import list_tokens

    now = clock.now()
    rows = [
        asdict(token) | {"role": token.role.name.lower(), "state": token.state(now)}
        for token in list_tokens(open_app(ctx).store)
    ]
    columns = ["token_id", "name", "role", "state", "created_at", "expires_at", "last_used_at", "revoked_at"]
    emit(rows, output, columns, now=now, limit=limit, empty="No tokens yet: `windlass token create --name me`.")
