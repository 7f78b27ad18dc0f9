"""`windlass aggregate run`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.aggregation.commands.options import open_aggregation
from windlass.present.assignments import parse_assignments
from windlass.present.options import HealthHost, HealthPort, Settings

__all__ = ["run"]


def run(
    ctx: typer.Context,
    rules: Annotated[
        list[str] | None, typer.Argument(metavar="RULE", help="Only these rules; every rule by default.")
    ] = None,
    options: Settings = None,
    host: HealthHost = "127.0.0.1",
    port: HealthPort = None,
) -> None:
    """Run a worker until SIGTERM: it counts events and runs the rules' actions. Several workers may run at once.

    Examples:
      windlass aggregate run
      windlass aggregate run refresh-scans --health-port 9464 --setting visibility_s=120
    """
    from windlass.queues.process_group import run_group

    health = (host, port) if port is not None else None
    workers = open_aggregation(ctx).workers(rules or (), health=health, settings=parse_assignments(options or ()))
    raise typer.Exit(run_group(workers))
