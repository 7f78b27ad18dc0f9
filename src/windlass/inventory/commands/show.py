"""`windlass inventory show`."""

from __future__ import annotations

import typer

from windlass.inventory.commands.options import At, Ref, open_inventory, time_of
from windlass.present.output import emit_value

__all__ = ["show"]


def show(ctx: typer.Context, ref: Ref, at: At = "") -> None:
    """Print one resource as JSON, with its document, tags and relations.

    Examples:
      windlass inventory show scans
      windlass inventory show arn:aws:s3:::scans --at 2026-11-20
    """
    from windlass.inventory.rows import relation_row, resource_row

    inventory, moment = open_inventory(ctx), time_of(at)
    resource = inventory.show(ref, at=moment)
    relations = [relation_row(relation) for relation in inventory.relations(resource.key, at=moment)]
    emit_value(resource_row(resource) | {"document": resource.document, "relations": relations})
