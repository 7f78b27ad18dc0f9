"""What the verbs of `windlass osquery` share: their options, and how they open the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.osquery.service import Osquery

__all__ = ["Hosts", "NodeName", "SecretName", "Tags", "open_osquery"]

Hosts = Annotated[
    list[str] | None, typer.Option("--host", metavar="HOST", help="Only this host: name or ID. Repeat for more.")
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="Only instances with this tag. Repeat it: all must hold."),
]
NodeName = Annotated[str, typer.Argument(metavar="HOST", help="The host's name, host ID or node ID.")]
SecretName = Annotated[str, typer.Option("--name", metavar="NAME", help="The name of the secret.")]


def open_osquery(ctx: typer.Context) -> Osquery:
    """Open the service."""
    return cast("Osquery", service(ctx, "osquery"))
