"""`windlass serve`."""

from __future__ import annotations

import typer

from windlass.cli.commands.options import Host, Port
from windlass.cli.context import open_app

__all__ = ["serve"]


def serve(ctx: typer.Context, host: Host = "", port: Port = None) -> None:
    """Serve the web console and REST API, until Ctrl-C.

    On loopback there is no login, unless a proxy is in front; on any other address users log in with tokens or OIDC.

    Examples:
      windlass serve
      windlass serve --port 8080
    """
    from windlass.cli.runners import register_runners
    from windlass.console.server import serve as run_console

    app = open_app(ctx)
    register_runners(app)
    console = app.settings.console
    run_console(app, host=host or console.host, port=console.port if port is None else port)
