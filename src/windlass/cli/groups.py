"""Command groups that live beside their capability, handed what opens their service; each is loaded when it is called."""

from __future__ import annotations

import typer

from windlass.cli.context import open_app

__all__ = ["replicate"]


def replicate() -> typer.Typer:
    """`windlass replicate`."""
    from windlass.replication.cli import commands

    return commands(lambda ctx: open_app(ctx).replication, lambda ctx: open_app(ctx).jobs)
