"""Options and functions that the verbs of `windlass check` share."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.checks.service import Checks

__all__ = ["CheckFormat", "CheckOutput", "Owner", "SeverityName", "open_checks"]


class CheckFormat(StrEnum):
    """The `-o` of findings: JUnit for CI systems, OCSF for security data lakes."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    JUNIT = "junit"
    OCSF = "ocsf"


CheckOutput = Annotated[CheckFormat, typer.Option("--output", "-o", help="Output format.")]
Owner = Annotated[
    str, typer.Option("--owner", metavar="NAME", help="Only resources of this owner; - for those without one.")
]
SeverityName = Annotated[
    str, typer.Option("--severity", metavar="NAME", help="The lowest severity: low, medium, high or critical.")
]


def open_checks(ctx: typer.Context) -> Checks:
    """Open the service."""
    return cast("Checks", service(ctx, "checks"))
