"""The configuration and the App of a command, from the options of the root command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

if TYPE_CHECKING:
    from windlass.app import App
    from windlass.settings import Loaded

__all__ = ["loaded_settings", "open_app"]


def loaded_settings(ctx: typer.Context) -> Loaded:
    """Load the configuration that this command runs with."""
    from windlass.settings import load

    shared: dict[str, Any] = ctx.find_root().obj
    return load(config=shared["config"], overrides=shared["overrides"], environ=os.environ, cwd=Path.cwd())


def open_app(ctx: typer.Context) -> App:
    """Open the App of this command, once; it is closed when the command ends."""
    from windlass.app import App
    from windlass.observe.log import configure_logging

    shared: dict[str, Any] = ctx.find_root().obj
    if "app" in shared:
        return cast("App", shared["app"])
    loaded = loaded_settings(ctx)
    configure_logging(loaded.settings.log)
    app = shared["app"] = App(loaded, environ=os.environ, profile=shared["profile"], notify=_notify)
    ctx.call_on_close(app.close)
    return app


def _notify(message: str) -> None:
    print(f"windlass: {message}", file=sys.stderr)
