"""`windlass osquery config`."""

from __future__ import annotations

import typer

from windlass.present.commands import settings_of
from windlass.present.output import emit_value

__all__ = ["config"]


def config(ctx: typer.Context) -> None:
    """Print the configuration that agents receive, as JSON; each agent has a schedule_epoch of its own.

    Examples:
      windlass osquery config
      windlass --config windlass.toml osquery config
    """
    from windlass.osquery.agent_config import agent_config

    emit_value(agent_config(settings_of(ctx).osquery, 0))
