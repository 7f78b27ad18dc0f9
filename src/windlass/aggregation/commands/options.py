"""Arguments that the verbs of `windlass aggregate` share, and the function that opens the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.aggregation.service import Aggregation

__all__ = ["AnyKey", "AnyRule", "Key", "RuleName", "open_aggregation"]

RuleName = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.")]
AnyRule = Annotated[str, typer.Argument(metavar="RULE", help="Only this rule.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The key.")]
AnyKey = Annotated[str, typer.Argument(metavar="KEY", help="Only this key; every key of the rule by default.")]


def open_aggregation(ctx: typer.Context) -> Aggregation:
    """Open the service."""
    return cast("Aggregation", service(ctx, "aggregation"))
