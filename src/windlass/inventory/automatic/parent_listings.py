"""Parents that were listed in this run and are empty: their automatic children need no call. Thread-safe."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.inventory.model import Scope
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.scope_scan import ScopeScan

__all__ = ["ParentListings"]


class ParentListings:
    """The empty listings of a run, by account, region and operation."""

    def __init__(self, types: Mapping[str, ResourceType]) -> None:
        self._requests = {
            (kind.service, kind.parent.operation): dict(kind.parent.request)
            for kind in types.values()
            if kind.automatic and kind.parent
        }
        self._empty: set[tuple[str, str, str, str]] = set()

    def ended(self, scan: ScopeScan) -> None:
        """Record a scan whose listing, itself without a parent, is complete and empty."""
        kind, scope = scan.kind, scan.scope
        listed_all = scan.state.complete and scan.listed and kind.parent is None and not kind.keep
        as_parent = self._requests.get((kind.service, kind.operation)) == dict(kind.request)
        if listed_all and not scan.items and as_parent:
            self._empty.add((scope.account_id, scope.region, kind.service, kind.operation))

    def is_known_empty(self, kind: ResourceType, scope: Scope) -> bool:
        """True when the automatic type's parent was listed in this run and has no items."""
        if not kind.automatic or kind.parent is None:
            return False
        return (scope.account_id, scope.region, kind.service, kind.parent.operation) in self._empty
