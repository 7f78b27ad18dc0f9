"""`windlass osquery secret list`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.osquery.commands.options import open_osquery
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["list_"]

_COLUMNS = ("name", "state", Column("nodes", right=True), "created_at", "expires_at", "last_used_at", "revoked_at")


def list_(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List enrollment secrets without their texts, with the number of hosts that enrolled with each.

    Examples:
      windlass osquery secret list
      windlass osquery secret list -o json
    """
    from windlass.osquery.rows import secret_row

    now = clock.now()
    rows = [secret_row(secret, secret.state(now)) for secret in open_osquery(ctx).secrets()]
    emit(
        rows, output, _COLUMNS, now=now, limit=limit, empty="No secrets: `windlass osquery secret create --name NAME`."
    )
