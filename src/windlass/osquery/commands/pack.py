"""`windlass osquery pack`."""

from __future__ import annotations

import typer

from windlass.present.commands import settings_of
from windlass.present.output import emit_value

__all__ = ["pack"]


def pack(ctx: typer.Context) -> None:
    """Print the query pack as JSON, for agents that another server configures.

    Examples:
      windlass osquery pack
      windlass --config windlass.toml osquery pack
    """
    from windlass.osquery.agent_config import pack_file

    emit_value(pack_file(settings_of(ctx).osquery))
