"""`windlass clients trail disable`."""

from __future__ import annotations

import sys

import typer

from windlass.clients.commands.options import open_clients
from windlass.clients.commands.trail.confirmation import agreed
from windlass.present.options import DryRun, Yes

__all__ = ["disable"]


def disable(ctx: typer.Context, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Stop and delete the trail; its log files remain.

    Examples:
      windlass clients trail disable --dry-run
      windlass clients trail disable --yes
    """
    from windlass.clients import trail

    clients = open_clients(ctx)
    home = clients.home
    state = trail.state_of(home.caller, home.account_id, home.region, clients.config.trail_name)
    actions = trail.disable_actions(state)
    if agreed(actions, "stop and delete the trail", dry_run=dry_run, yes=yes):
        trail.make_calls(home.caller, home.account_id, home.region, actions)
        print(f"The trail is deleted. Its files remain in s3://{state.bucket} and cost storage.", file=sys.stderr)
