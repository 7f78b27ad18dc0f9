"""What the verbs of `windlass watch` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.watch.service import Watch

__all__ = ["RuleName", "open_watch"]

RuleName = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.")]


def open_watch(ctx: typer.Context) -> Watch:
    """Open the service."""
    return cast("Watch", service(ctx, "watch"))
