"""`windlass serve` and `windlass up`."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from windlass.cli.context import open_app

serve = typer.Typer(rich_markup_mode=None)
up = typer.Typer(rich_markup_mode=None)

Host = Annotated[str, typer.Option(help="Address to listen on, instead of console.host.")]
Port = Annotated[int, typer.Option(help="Port to listen on, instead of console.port; 0 takes a free one.")]


@serve.command("serve")
def serve_command(ctx: typer.Context, host: Host = "", port: Port = -1) -> None:
    """Serve the web console and REST API; on loopback with nothing in front without login, elsewhere with tokens or OIDC."""
    from windlass.cli.runners import register_runners
    from windlass.console.serve import serve as run_console

    app = open_app(ctx)
    register_runners(app)
    console = app.settings.console
    run_console(app, host=host or console.host, port=console.port if port < 0 else port)


@up.command("up")
def up_command(ctx: typer.Context, host: Host = "", port: Port = -1) -> None:
    """Run what is configured: collector loop, consumers, rules, pipelines, periodic seeds and the console, until Ctrl-C."""
    from windlass.cli.rounds import collector, consumers, seeds, workers
    from windlass.console.serve import serve as run_console

    app = open_app(ctx)
    console = app.settings.console
    stop = threading.Event()
    with collector(app, stop), consumers(app, stop), workers(app, stop), seeds(app, stop):
        run_console(app, host=host or console.host, port=console.port if port < 0 else port)
