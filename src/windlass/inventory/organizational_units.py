"""The lister of organizational units, which are nested (at most five levels below a root)."""

from __future__ import annotations

from windlass.inventory.detail_reader import ReadTimes
from windlass.inventory.listing import ListingContext
from windlass.inventory.model import GLOBAL
from windlass.inventory.observations import items_of
from windlass.inventory.paths import find
from windlass.inventory.scope_scan import Item, ScopeScan

__all__ = ["list_units"]


def list_units(context: ListingContext, scan: ScopeScan, read_times: ReadTimes) -> None:  # noqa: ARG001
    """Add every unit of the organization to the scan, with the id of the root or unit above it as `ParentId`."""
    kind = scan.kind
    assert kind.parent is not None
    roots = context.calls.pages(scan, GLOBAL, kind.service, kind.parent.operation)
    waiting = [root["Id"] for page in roots for root in find(kind.parent.items, page) or ()]
    listed: set[str] = set()
    while waiting:
        parent_params = {"ParentId": waiting.pop()}
        for page in context.calls.pages(scan, GLOBAL, kind.service, kind.operation, **parent_params):
            for document in items_of(kind, page, parent_params):
                if document["Id"] in listed:  # moved during the listing
                    continue
                listed.add(document["Id"])
                if scan.is_wanted(document):
                    item = Item(document, scan.scope.region)
                    scan.add_item(item)
                    context.details.add(scan, item)
                waiting.append(document["Id"])
