"""`windlass pipeline run`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.pipelines.commands.options import open_pipelines
from windlass.present.assignments import parse_assignments
from windlass.present.options import HealthHost, HealthPort, Settings

__all__ = ["run"]


def run(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="PIPELINE", help="Only these pipelines; every pipeline by default.")
    ] = None,
    options: Settings = None,
    host: HealthHost = "127.0.0.1",
    port: HealthPort = None,
) -> None:
    """Run a worker until SIGTERM: it transforms objects as their events arrive. Several workers may run at once.

    Examples:
      windlass pipeline run
      windlass pipeline run notes --health-port 9464 --setting visibility_s=300
    """
    from windlass.queues.process_group import run_group

    health = (host, port) if port is not None else None
    workers = open_pipelines(ctx).workers(names or (), health=health, settings=parse_assignments(options or ()))
    raise typer.Exit(run_group(workers))
