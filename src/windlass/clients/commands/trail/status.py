"""`windlass clients trail status`."""

from __future__ import annotations

import typer

from windlass.clients.commands.options import open_clients
from windlass.present.output import emit_value

__all__ = ["status"]


def status(ctx: typer.Context) -> None:
    """Print as JSON whether the trail exists, records, and delivers.

    Examples:
      windlass clients trail status
      windlass --profile audit clients trail status
    """
    from windlass.clients import trail

    clients = open_clients(ctx)
    home = clients.home
    state = trail.state_of(home.caller, home.account_id, home.region, clients.config.trail_name)
    emit_value({name: getattr(state, name) for name in (*trail.TrailState.__dataclass_fields__, "location")})
