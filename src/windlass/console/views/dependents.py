"""The page of resources that would break without a resource."""

from __future__ import annotations

import shlex

from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, first, link
from windlass.core.canonical import plain
from windlass.core.errors import NotFound
from windlass.inventory import rows

__all__ = ["dependents"]

MAX_ROWS = 500


def dependents(context: PageContext, params: Params) -> Data:
    """Return the resource, its dependents by distance, and their number by type."""
    ref = first(params, "ref")
    if not ref:
        raise NotFound("the URL names no resource", hint="Open a resource from the Inventory page.")
    mentions = bool(first(params, "mentions"))
    result = context.inventory.dependents(ref, limit=MAX_ROWS, mentions=mentions)
    items = [plain(rows.dependent_row(item)) for item in result.resources]
    by_type: dict[str, int] = {}
    for item in items:
        by_type[item["type"]] = by_type.get(item["type"], 0) + 1
    command = ["windlass", "inventory", "dependents", result.root.key, *(["--mentions"] if mentions else [])]
    return {
        "resource": plain(rows.resource_row(result.root)),
        "items": items,
        "aliases": context.aliases(),
        "by_type": sorted(by_type.items(), key=lambda item: (-item[1], item[0])),
        "truncated": result.truncated,
        "mentions": {
            "chosen": mentions,
            "link": link("/inventory/dependents", params, mentions="" if mentions else "1"),
        },
        "cli": shlex.join(command),
    }
