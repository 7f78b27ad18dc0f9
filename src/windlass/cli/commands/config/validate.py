"""`windlass config validate`."""

from __future__ import annotations

import typer

from windlass.cli.context import loaded_settings

__all__ = ["validate"]


def validate(ctx: typer.Context) -> None:
    """Check the file, the environment and the options. Every fault is listed at once.

    Examples:
      windlass config validate
      windlass -c windlass.toml config validate
    """
    loaded = loaded_settings(ctx)
    print(f"{loaded.file or 'no windlass.toml: defaults and environment'}: valid")
