"""`windlass up`."""

from __future__ import annotations

import contextlib
import threading

import typer

from windlass.cli.commands.options import Host, Port
from windlass.cli.context import open_app

__all__ = ["up"]


def up(ctx: typer.Context, host: Host = "", port: Port = None) -> None:
    """Run everything that windlass.toml configures, with the console, until Ctrl-C.

    That is the collector, the feed of events, facts of Systems Manager, consumers, aggregation rules, pipelines,
    periodic seeds, alerts, and the console.

    Examples:
      windlass up
      windlass up --host 0.0.0.0 --port 8080
    """
    from windlass.cli.background import alerts, collector, consumers, facts, feed, seeds, workers
    from windlass.console.server import serve as run_console

    app = open_app(ctx)
    console = app.settings.console
    stop = threading.Event()
    with contextlib.ExitStack() as parts:
        for part in (collector, feed, facts, consumers, workers, seeds, alerts):
            parts.enter_context(part(app, stop))
        run_console(app, host=host or console.host, port=console.port if port is None else port)
