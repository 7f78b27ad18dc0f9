"""What the verbs of `windlass facts` share: their arguments, and how they open the service."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.core import clock
from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.facts.service import Facts

__all__ = ["At", "HostRef", "Kind", "Owner", "Package", "SectionName", "open_facts", "time_of"]

HostRef = Annotated[str, typer.Argument(metavar="HOST", help="Instance ID, host ID, or name.")]
Package = Annotated[str, typer.Argument(metavar="PACKAGE", help="Name of the package; openssl* works.")]
Kind = Annotated[str, typer.Option("--kind", metavar="KIND", help="Only deb, rpm, python, npm, … packages.")]
Owner = Annotated[str, typer.Option("--owner", metavar="NAME", help="Only hosts of this owner (by tag).")]
SectionName = Annotated[
    str, typer.Option("--section", metavar="NAME", help="Only this section, or family of sections: packages, users, …")
]
At = Annotated[
    str, typer.Option("--at", metavar="TIME", help="As it was at this time: 2h or 7d ago, 2026-11-20, an ISO time.")
]


def open_facts(ctx: typer.Context) -> Facts:
    """Open the service."""
    return cast("Facts", service(ctx, "facts"))


def time_of(text: str) -> datetime | None:
    """Read a time option; None when it is empty."""
    return clock.parse_when(text, at=clock.now()) if text else None
