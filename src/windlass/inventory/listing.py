"""Listing a scope: the calls of its type's declaration, or the type's own lister (`ResourceType.lister`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.core.errors import AwsError, NotFound
from windlass.inventory.calls import Calls
from windlass.inventory.detail_reader import DetailReader, ReadTimes, SubmitTask
from windlass.inventory.model import Scope
from windlass.inventory.observations import items_of
from windlass.inventory.paths import find
from windlass.inventory.scope_scan import Item, ScopeScan

__all__ = ["Lister", "ListingContext", "list_items", "scope_params"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingContext:
    """What a lister works with: the run's calls and details, and `submit`, which queues further tasks of the scan."""

    calls: Calls
    details: DetailReader
    submit: SubmitTask
    partition: Callable[[str], str]  # of an account id
    now: Callable[[], datetime]
    read_measures: bool  # whether this run reads sizes and counts that AWS charges for


Lister = Callable[[ListingContext, ScopeScan, ReadTimes], None]
"""Add every item of the scope to the scan. It raises WindlassError when the listing is not complete.

Without read times every detail is equally old, so a lister starts reading details while it still lists.
"""


def list_items(context: ListingContext, scan: ScopeScan, read_times: ReadTimes) -> None:
    """List the scope by its type's declaration: once, or once for each item of the parent's listing."""
    kind, scope = scan.kind, scan.scope
    missing: list[dict[str, Any]] = []
    for parent_params in _parents(context, scan):
        request = scope_params(kind.request, scope) | parent_params
        try:
            for page in context.calls.pages(scan, scope.region, kind.service, kind.operation, **request):
                for document in items_of(kind, page, parent_params):
                    item = Item(document, scope.region)
                    scan.add_item(item)
                    context.details.add(scan, item)
                    if not read_times:
                        context.details.feed(scan, (scope.region,))
        except NotFound:
            if not parent_params:
                raise
            if (
                not kind.automatic
            ):  # of an automatic type, a parent without any is not found, too: a setting that is unset
                missing.append(parent_params)
    _check_missing(context, scan, missing)


def scope_params(params: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """Request parameters with the scope's `{account}` and `{region}` in their texts."""
    return {name: _scope_value(value, scope) for name, value in params.items()}


def _scope_value(value: Any, scope: Scope) -> Any:
    match value:
        case str():
            return value.format(account=scope.account_id, region=scope.region)
        case list():
            return [_scope_value(item, scope) for item in value]
        case dict():
            return scope_params(value, scope)
        case _:
            return value


def _parents(context: ListingContext, scan: ScopeScan) -> Iterator[dict[str, Any]]:
    parent = scan.kind.parent
    if parent is None:
        yield {}
        return
    request = scope_params(parent.request, scan.scope)
    pages = context.calls.pages(scan, scan.scope.region, scan.kind.service, parent.operation, **request)
    for page in pages:
        for item in find(parent.items, page) or ():
            yield {name: find(path, item) for name, path in parent.params.items()}


def _check_missing(context: ListingContext, scan: ScopeScan, missing: list[dict[str, Any]]) -> None:
    """Check that every parent that was not found has also left its own listing. Raise AwsError otherwise.

    A parent that is still listed has children that are unknown, not deleted.
    """
    if missing and any(params in missing for params in _parents(context, scan)):
        raise AwsError(
            f"{scan.scope.type}: {missing[0]} is listed, but AWS answers that it does not exist",
            hint="The service contradicts itself. The next run asks again.",
            code="Contradiction",
        )
