"""The options that the verbs of `windlass clients` share, and the function that opens the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.clients.service import Clients

__all__ = ["Since", "open_clients"]

Since = Annotated[str, typer.Option("--since", metavar="TIME", help="From this day: 7d ago, 2026-11-20.")]


def open_clients(ctx: typer.Context) -> Clients:
    """Open the service."""
    return cast("Clients", service(ctx, "clients"))
