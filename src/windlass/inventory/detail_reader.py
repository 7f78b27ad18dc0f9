"""Reading the details of listed items: the longest unread first, a few tasks a region at a time, each detail on its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory import s3
from windlass.inventory.calls import Calls
from windlass.inventory.catalog.declare import Detail
from windlass.inventory.paths import find
from windlass.inventory.visit import Found, Visit, Work, is_gone

__all__ = ["Ages", "DetailReader", "merged"]

Ages = Mapping[str, Mapping[str, str]]
"""By id or ARN of an item: when each of its details was last read, as ISO text, '' for never.

Keys are those of the document, `*` for what is merged into it; the key '' holds the time of all others.
"""


class Put(Protocol):
    """Queue a task of a visit in a region's lane."""

    def __call__(
        self,
        visit: Visit,
        region: str,
        task: Callable[[], None],
        failed: Callable[[WindlassError], None],
        *,
        detail: bool,
    ) -> None: ...


class DetailReader:
    """Feeds the lanes with the details of visits. Without `ages` of a scope, its details are read as they are listed."""

    def __init__(self, calls: Calls, put: Put, *, window: int, timeout_s: float) -> None:
        self._calls = calls
        self._put = put
        self._window = window
        self._timeout_s = timeout_s  # of work on one scope's details, from its first on; 0: no limit

    def add(self, visit: Visit, found: Found, *, apart: bool = False) -> None:
        """Put the item's details into the backlog; `apart`: each is a task of its own, for types that have many."""
        places = range(len(visit.kind.details))
        for group in [(place,) for place in places] if apart else [tuple(places)] if places else []:
            visit.defer(found.region, (found, group))

    def sort(self, visit: Visit, ages: Ages) -> None:
        """Order the backlog by when each detail was last read, never before longest ago before recently."""
        if not ages:
            return

        def age(work: Work) -> str:
            found, places = work
            known = next((ages[name] for name in _names(visit, found) if name in ages), {})
            times = [known.get(visit.kind.details[place].key or "*", known.get("", "")) for place in places]
            return min(times, default="")

        with visit.lock:
            for region, waiting in visit.backlog.items():
                visit.backlog[region] = type(waiting)(sorted(waiting, key=age))

    def feed(self, visit: Visit, regions: Iterable[str] = ()) -> None:
        """Hand out details of the backlog while the regions have room for them."""
        for region in tuple(regions) or tuple(visit.backlog):
            while (work := visit.take(region, self._window)) is not None:
                task = functools.partial(self._read, visit, region, work)
                self._put(visit, region, task, functools.partial(self._failed, visit, region), detail=True)

    def _failed(self, visit: Visit, region: str, error: WindlassError) -> None:
        visit.miss(error)
        visit.taken_ended(region)
        self.feed(visit, (region,))

    def _read(self, visit: Visit, region: str, work: Work) -> None:
        found, places = work
        if self._is_over(visit):
            visit.miss(_unfinished(visit))
        else:
            for place in places:
                if not found.gone and not visit.over:
                    self._read_detail(visit, found, place)
        visit.taken_ended(region)
        self.feed(visit, (region,))

    def _is_over(self, visit: Visit) -> bool:
        now = self._calls.clock()
        with visit.lock:
            if visit.details_since is None:
                visit.details_since = now
        return self._timeout_s > 0 and now - visit.details_since > self._timeout_s

    def _read_detail(self, visit: Visit, found: Found, place: int) -> None:
        detail = visit.kind.details[place]
        if detail.unless is not None and find(detail.unless[0], found.item) == detail.unless[1]:
            found.unread.discard(place)
            return
        params = {name: find(path, found.item) for name, path in detail.params.items()}
        if any(value is None or value == [None] for value in params.values()):
            return  # a detail before this one, which it needs, could not be read
        if visit.kind.service == "s3":
            params |= s3.owner_params(visit.scope.account_id)
        try:
            answer = self._answer(visit, found.region, detail, params)
        except WindlassError as error:
            if error.code not in detail.absent:
                found.gone = is_gone(error, detail)
                visit.miss(error)
                return
            answer = None
        if not detail.key and answer is not None and not isinstance(answer, dict):
            raise AwsError(f"{detail.operation} answered no document", code="Malformed")
        if detail.key:
            found.item[detail.key] = answer
        elif isinstance(answer, dict):
            found.item.update(answer)
        found.unread.discard(place)

    def _answer(self, visit: Visit, region: str, detail: Detail, params: dict[str, Any]) -> Any:
        service = detail.service or visit.kind.service
        pages = self._calls.pages(visit, region, service, detail.operation, **params)
        answer = merged([find(detail.result, page) for page in pages])
        if answer is None and not detail.key:
            raise AwsError(f"{detail.operation} answered no {detail.result}", code="Malformed")
        return answer


def merged(parts: list[Any]) -> Any:
    """One result of the results of all pages: lists one after the other, maps together, members by member."""
    whole: Any = None
    for part in parts:
        if isinstance(whole, list) and isinstance(part, list):
            whole = [*whole, *part]
        elif isinstance(whole, dict) and isinstance(part, dict):
            whole = {**whole, **{key: merged([whole.get(key), value]) for key, value in part.items()}}
        elif part is not None:
            whole = part
    return whole


def _names(visit: Visit, found: Found) -> Iterable[str]:
    for path in (visit.kind.arn, visit.kind.id):
        name = find(path, found.item) if path and "{" not in path else None
        if isinstance(name, str):
            yield name.rpartition(visit.kind.id_after)[2] if visit.kind.id_after and path == visit.kind.id else name


def _unfinished(visit: Visit) -> AwsError:
    return AwsError(
        f"{visit.scope.type}: the time for details is over; those left are read first in the next run",
        hint="Raise inventory.details_timeout_s to read more in a run.",
        code="DetailsUnfinished",
    )
