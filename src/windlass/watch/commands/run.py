"""`windlass watch run`."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.core.errors import ConfigError
from windlass.present.commands import service
from windlass.watch.commands.options import open_watch

if TYPE_CHECKING:
    from windlass.jobs.service import Jobs

__all__ = ["run"]


def run(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Evaluate and deliver once, then stop.")] = False,
) -> None:
    """Evaluate the rules and deliver their alerts until SIGTERM. `windlass up` does the same.

    Of several processes on one store, one works at a time.

    Examples:
      windlass watch run
      windlass watch run --once
    """
    from windlass.watch.worker import run_once, watch_forever

    watch = open_watch(ctx)
    if not watch.rules:
        raise ConfigError("windlass.toml has no [[watch]] entry", hint="docs/guide/alerts.md shows one.")
    if once:
        print(f"{run_once(watch)} deliveries", file=sys.stderr)
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch_forever(watch, cast("Jobs", service(ctx, "jobs")).leases, stop=stop)
