"""`windlass consume`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windlass.core.errors import NotFound, UsageError
from windlass.present.assignments import parse_assignments
from windlass.present.commands import service
from windlass.present.options import Account, HealthHost, HealthPort, Region, Settings
from windlass.queues.commands.options import open_queues

if TYPE_CHECKING:
    from windlass.queues.config import ConsumeConfig

__all__ = ["consume"]


def consume(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A [[consume]] entry of windlass.toml.")] = "",
    queue: Annotated[str, typer.Option("--queue", metavar="QUEUE", help="The queue's name, ARN or URL.")] = "",
    handler: Annotated[
        str, typer.Option("--handler", metavar="FUNCTION", help="The handler, as package.module:function.")
    ] = "",
    account: Account = "",
    region: Region = "",
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=0, help="Run this many handlers at once; 0 as configured.")
    ] = 0,
    transport: Annotated[str, typer.Option("--transport", help="lean or boto3; as configured by default.")] = "",
    options: Settings = None,
    host: HealthHost = "127.0.0.1",
    port: HealthPort = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="Keep no record in the store: the console does not show this consumer.")
    ] = False,
) -> None:
    """Consume a queue until SIGTERM. A message is deleted only after its handler has returned.

    The handler takes one message. It returns when the message is done, raises to have it delivered again later, or
    raises windlass.queues.model.Reject to send it to the dead-letter queue with a reason.

    Examples:
      windlass consume arrivals
      windlass consume --queue orders --handler shop.orders:handle --concurrency 4
    """
    from windlass.queues.consumer import Consumer

    named = {"queue": queue, "handler": handler, "account": account, "region": region, "transport": transport}
    overrides: dict[str, Any] = {key: value for key, value in named.items() if value}
    overrides |= ({"concurrency": concurrency} if concurrency else {}) | parse_assignments(options or ())
    consumer = Consumer(
        _config(name, service(ctx, "settings").consume, overrides),
        queues=open_queues(ctx),
        store=None if no_store else lambda: service(ctx, "store"),
        health=(host, port) if port is not None else None,
        folder=Path.cwd(),
    )
    raise typer.Exit(consumer.run())


def _config(name: str, configured: Sequence[ConsumeConfig], overrides: dict[str, Any]) -> ConsumeConfig:
    """Merge a [[consume]] entry and the options; UsageError when the result is not valid, NotFound for an unknown entry."""
    from pydantic import ValidationError

    from windlass.queues.config import ConsumeConfig

    values = (_entry(name, configured) if name else {}) | overrides
    missing = [f"--{key}" for key in ("queue", "handler") if not values.get(key)]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} is not given",
            hint="windlass consume --queue NAME --handler package.module:function",
        )
    try:
        return ConsumeConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{where}: {first['msg']}", hint="docs/reference/settings.md lists the settings of [[consume]]."
        ) from None


def _entry(name: str, configured: Sequence[ConsumeConfig]) -> dict[str, Any]:
    entry = next((entry_ for entry_ in configured if name in (entry_.name, entry_.title)), None)
    if entry is None:
        known = ", ".join(entry_.title for entry_ in configured) or "none"
        raise NotFound(f"windlass.toml has no [[consume]] entry {name!r}", hint=f"Entries: {known}.")
    return entry.model_dump()
