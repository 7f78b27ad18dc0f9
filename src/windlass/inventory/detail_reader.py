"""Reading the details of listed items: the longest unread first, a few tasks per region at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory.calls import Calls
from windlass.inventory.observations import arn_of
from windlass.inventory.paths import find
from windlass.inventory.resource_type import Detail
from windlass.inventory.scope_scan import DetailTask, Item, ScopeScan, is_absence, is_deleted

__all__ = ["DetailReader", "ReadTimes", "SubmitTask", "merged"]

ReadTimes = Mapping[str, Mapping[str, str]]
"""By id or ARN of an item: when each of its details was last read, as ISO text, '' for never.

Keys are those of the document, `*` for details that are merged into it; the key '' has the time of all others.
"""


class SubmitTask(Protocol):
    """How tasks of a scan reach the scheduler."""

    def __call__(
        self,
        scan: ScopeScan,
        region: str,
        task: Callable[[], None],
        on_failure: Callable[[WindlassError], None],
        *,
        detail: bool,
    ) -> None:
        """Queue a task of a scan in a region. A WindlassError that the task raises goes to `on_failure`."""
        ...


class DetailReader:
    """Submits the details of scans to the scheduler, at most `window` tasks per region and scan at a time."""

    def __init__(self, calls: Calls, submit: SubmitTask, *, window: int, timeout_s: float) -> None:
        self._calls = calls
        self._submit = submit
        self._window = window
        self._timeout_s = timeout_s  # of work on one scope's details, from its first on; 0: no limit

    def add(self, scan: ScopeScan, item: Item) -> None:
        """Add the item's details to the backlog: as one task, or as one task each where the type says so."""
        indexes = range(len(scan.kind.details))
        if scan.kind.one_task_per_detail:
            for index in indexes:
                scan.add_to_backlog(item.region, (item, (index,)))
        elif indexes:
            scan.add_to_backlog(item.region, (item, tuple(indexes)))

    def sort(self, scan: ScopeScan, read_times: ReadTimes) -> None:
        """Order the backlog by the time of the last read: never read first, recently read last."""
        if not read_times:
            return

        def last_read(task: DetailTask) -> str:
            item, indexes = task
            known = next((read_times[name] for name in _names(scan, item) if name in read_times), {})
            return min(
                (known.get(scan.kind.details[index].key or "*", known.get("", "")) for index in indexes), default=""
            )

        with scan.lock:
            for region, waiting in scan.backlog.items():
                scan.backlog[region] = type(waiting)(sorted(waiting, key=last_read))

    def feed(self, scan: ScopeScan, regions: Iterable[str] = ()) -> None:
        """Submit details of the backlog while the regions (default: all) have room for them."""
        for region in tuple(regions) or tuple(scan.backlog):
            while (task := scan.next_task(region, self._window)) is not None:
                read = functools.partial(self._read, scan, region, task)
                self._submit(scan, region, read, functools.partial(self._failed, scan, region), detail=True)

    def _failed(self, scan: ScopeScan, region: str, error: WindlassError) -> None:
        scan.mark_unreadable(error)
        scan.release_slot(region)
        self.feed(scan, (region,))

    def _read(self, scan: ScopeScan, region: str, task: DetailTask) -> None:
        item, indexes = task
        if self._is_timed_out(scan):
            scan.mark_unreadable(_timeout_error(scan))
        else:
            for index in indexes:
                if not item.deleted and not scan.failed:
                    self._read_detail(scan, item, index)
        scan.release_slot(region)
        self.feed(scan, (region,))

    def _is_timed_out(self, scan: ScopeScan) -> bool:
        now_s = self._calls.clock()
        with scan.lock:
            if scan.details_started_s is None:
                scan.details_started_s = now_s
        return self._timeout_s > 0 and now_s - scan.details_started_s > self._timeout_s

    def _read_detail(self, scan: ScopeScan, item: Item, index: int) -> None:
        detail = scan.kind.details[index]
        if detail.unless is not None and find(detail.unless[0], item.document) == detail.unless[1]:
            item.unread.discard(index)
            return
        requests = _requests(scan, item, detail, self._calls.caller.partition(scan.scope.account_id))
        if requests is None:
            return  # an earlier detail that it needs could not be read
        values = {}
        for text, params in requests.items():
            try:
                values[text] = self._call(scan, item.region, detail, params)
            except WindlassError as error:
                if not is_absence(error, detail.absent):
                    item.deleted = is_deleted(error, detail)
                    scan.mark_unreadable(error)
                    return
                values[text] = None
        value: Any = values if detail.each else values[""]
        if detail.key:
            item.document[detail.key] = value
        elif isinstance(value, dict):
            item.document.update(value)
        elif value is not None:
            raise AwsError(f"the response of {detail.operation} is not a JSON object", code="Malformed")
        item.unread.discard(index)

    def _call(self, scan: ScopeScan, region: str, detail: Detail, params: dict[str, Any]) -> Any:
        service = detail.service or scan.kind.service
        pages = self._calls.pages(scan, region, service, detail.operation, **params)
        value = merged([find(detail.result, page) for page in pages])
        if value is None and not detail.key:
            raise AwsError(f"the response of {detail.operation} has no {detail.result}", code="Malformed")
        return value


def _requests(scan: ScopeScan, item: Item, detail: Detail, partition: str) -> dict[str, dict[str, Any]] | None:
    """Return the parameters of the detail's calls, by the text of `each` (`""` without it); None when one is unknown."""
    texts = find(detail.each, item.document) if detail.each else [""]
    if not isinstance(texts, list):
        return None
    requests = {}
    for text in texts:
        document = {**item.document, "each": text} if detail.each else item.document
        params = {name: _param(path, document, scan, partition) for name, path in detail.params.items()}
        if any(value is None or value == [None] for value in params.values()):
            return None
        if scan.kind.owner_param:
            params[scan.kind.owner_param] = scan.scope.account_id
        requests[str(text)] = params
    return requests


def _param(path: str, document: Mapping[str, Any], scan: ScopeScan, partition: str) -> Any:
    if path == "{account}":
        return scan.scope.account_id
    return (arn_of(scan.kind, scan.scope, document, partition) or None) if path == "{arn}" else find(path, document)


def merged(parts: list[Any]) -> Any:
    """Return one result for the results of all pages: lists joined, maps merged member by member."""
    result: Any = None
    for part in parts:
        if isinstance(result, list) and isinstance(part, list):
            result = [*result, *part]
        elif isinstance(result, dict) and isinstance(part, dict):
            result = {**result, **{key: merged([result.get(key), value]) for key, value in part.items()}}
        elif part is not None:
            result = part
    return result


def _names(scan: ScopeScan, item: Item) -> Iterable[str]:
    kind = scan.kind
    for path in (kind.arn, kind.id):
        name = find(path, item.document) if path and "{" not in path else None
        if isinstance(name, str):
            yield name.rpartition(kind.id_after)[2] if kind.id_after and path == kind.id else name


def _timeout_error(scan: ScopeScan) -> AwsError:
    return AwsError(
        f"{scan.scope.type}: inventory.details_timeout_s has passed; the next run reads the remaining details first",
        hint="Raise inventory.details_timeout_s to read more in one run.",
        code="DetailsUnfinished",
    )
