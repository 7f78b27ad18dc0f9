"""Listing a scope: the calls of its type's declaration, or the type's own lister (`ResourceType.lister`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.core.errors import AwsError, NotFound, WindlassError
from windlass.inventory.calls import Calls
from windlass.inventory.detail_reader import DetailReader, ReadTimes, SubmitTask
from windlass.inventory.model import Scope, ScopeState
from windlass.inventory.observations import items_of
from windlass.inventory.paths import find
from windlass.inventory.resource_type import Parent
from windlass.inventory.scope_scan import Item, ScopeScan, classify, is_absence

__all__ = ["Lister", "ListingContext", "above_params", "list_items", "scope_params"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingContext:
    """What a lister gets: the run's calls and detail reader, and `submit`, which queues further tasks of the scan."""

    calls: Calls
    details: DetailReader
    submit: SubmitTask
    partition: Callable[[str], str]  # of an account id
    now: Callable[[], datetime]
    read_measures: bool  # whether this run reads sizes and counts that AWS charges for


Lister = Callable[[ListingContext, ScopeScan, ReadTimes], None]
"""Add every item of the scope to the scan. It raises WindlassError when the listing is not complete.

Without read times every detail is equally old, so a lister starts reading details before the listing is complete.
"""


def list_items(context: ListingContext, scan: ScopeScan, read_times: ReadTimes) -> None:
    """List the scope by its type's declaration: once, or once for each item of the parent's listing.

    Items that the type does not keep are left out before their details are read.
    """
    try:
        if not _list_filtered(context, scan):
            _list_all(context, scan, read_times)
    except WindlassError as error:
        if not is_absence(error, scan.kind.absent):
            raise


def _list_filtered(context: ListingContext, scan: ScopeScan) -> bool:
    """Ask for the selected resources by their ids. False when the service does not take them: the scope must be listed."""
    kind, scope = scan.kind, scan.scope
    requests = scan.selection.requests() if scan.selection and kind.parent is None else None
    if requests is None:
        return False
    documents: list[dict[str, Any]] = []
    for ids in requests:
        request = scope_params(kind.request, scope) | ids
        try:
            answer = context.calls.call(scan, scope.region, kind.service, kind.operation, **request)
        except NotFound:
            # One request for several ids says only that some of them do not exist.
            if any(isinstance(value, list) and len(value) > 1 for value in ids.values()):
                return False
        except WindlassError as error:
            if classify(error) is ScopeState.FAILED:
                return False  # it takes other ids than the event has
            raise
        else:
            documents += items_of(kind, answer)
    for document in documents:
        _add(context, scan, document, read_immediately=True)
    return True


def _add(context: ListingContext, scan: ScopeScan, document: dict[str, Any], *, read_immediately: bool) -> None:
    if not scan.is_wanted(document):
        return
    item = Item(document, scan.scope.region)
    scan.add_item(item)
    context.details.add(scan, item)
    if read_immediately:
        context.details.feed(scan, (scan.scope.region,))


def _list_all(context: ListingContext, scan: ScopeScan, read_times: ReadTimes) -> None:
    kind, scope = scan.kind, scan.scope
    missing: list[dict[str, Any]] = []
    for parent_params in _parents(context, scan, kind.parent, missing):
        request = scope_params(kind.request, scope) | parent_params
        try:
            for page in context.calls.pages(scan, scope.region, kind.service, kind.operation, **request):
                for document in items_of(kind, page, parent_params):
                    _add(context, scan, document, read_immediately=not read_times)
        except WindlassError as error:
            if is_absence(error, kind.absent):
                continue
            if not parent_params or not isinstance(error, NotFound):
                raise
            if (
                not kind.automatic
            ):  # of an automatic type, a parent without any is not found, too: a setting that is unset
                missing.append(parent_params)
    _check_missing(context, scan, missing)


def scope_params(params: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """Return request parameters with `{account}` and `{region}` replaced by the scope's."""
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


def _parents(
    context: ListingContext, scan: ScopeScan, parent: Parent | None, missing: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the parameters from each item of the parent's listing. Those of parents that no longer exist are added to `missing`."""
    if parent is None:
        yield {}
        return
    kind, scope = scan.kind, scan.scope
    items = parent.items.replace("{account}", scope.account_id)
    for above in _parents(context, scan, parent.parent, missing):
        request = scope_params(parent.request, scope) | above
        try:
            for page in context.calls.pages(scan, scope.region, kind.service, parent.operation, **request):
                for item in find(items, page) or ():
                    yield above_params(parent, above, item)
        except NotFound:
            if not above:
                raise
            missing.append(above)


def above_params(parent: Parent, above: Mapping[str, Any], item: Any) -> dict[str, Any]:
    """Return the parameters that an item of the parent's listing gives. `above.X` is parameter X of the parent's own listing."""
    return {
        name: above[path.removeprefix("above.")] if path.startswith("above.") else find(path, item)
        for name, path in parent.params.items()
    }


def _check_missing(context: ListingContext, scan: ScopeScan, missing: list[dict[str, Any]]) -> None:
    """Check that every parent that was not found has also left its own listing. Raise AwsError otherwise.

    The children of a parent that is still listed are unknown, not deleted.
    """
    if not missing:
        return
    missing_again: list[dict[str, Any]] = []
    listed_again = list(_parents(context, scan, scan.kind.parent, missing_again))
    contradicted = [params for params in missing if params in listed_again or params in missing_again]
    if contradicted:
        raise AwsError(
            f"{scan.scope.type}: {contradicted[0]} is listed, but AWS reports that it does not exist",
            hint="The service contradicts itself. The next run lists the scope again.",
            code="Contradiction",
        )
