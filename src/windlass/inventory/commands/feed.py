"""`windlass inventory feed`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.present.commands import service
from windlass.present.options import Account, HealthHost, HealthPort, Region

__all__ = ["feed"]


def feed(
    ctx: typer.Context,
    queue: Annotated[
        str, typer.Option("--queue", metavar="QUEUE", help="The queue's name, ARN or URL; feed.queue by default.")
    ] = "",
    account: Account = "",
    region: Region = "",
    host: HealthHost = "127.0.0.1",
    port: HealthPort = None,
) -> None:
    """Keep the inventory current from a queue of events, until SIGTERM.

    It reads each resource that a CloudTrail, Config or S3 event touched, and writes what changed with who changed it.
    Several may run at once.

    Examples:
      windlass inventory feed
      windlass inventory feed --queue windlass-events --health-port 9464
    """
    health = (host, port) if port is not None else None
    worker = service(ctx, "feed").worker(queue=queue, account=account, region=region, health=health)
    raise typer.Exit(worker.run())
