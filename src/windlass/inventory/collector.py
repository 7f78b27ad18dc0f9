"""Visiting scopes: bounded threads, the unit of work a page of a listing or the details of one resource.

Each scope ends in one ScopeResult, handed to `sink` by the calling thread, whole or not at all. A stop lets the calls
under way end; scopes that were not finished by then are not reported, so that the store stays as it was for them.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory import s3
from windlass.inventory.catalog.declare import Detail, ResourceType
from windlass.inventory.extract import items_of, observe
from windlass.inventory.lanes import Lanes, Place
from windlass.inventory.model import Observation, Scope, ScopeResult, ScopeState
from windlass.inventory.paths import find
from windlass.inventory.plan import CollectOptions
from windlass.inventory.ports import Caller
from windlass.inventory.visit import Found, Visit, is_gone, no_answer

__all__ = ["CollectOptions", "Collector", "Progress"]

_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a collection is; `eta_s` is None while it can't be told."""

    scopes_done: int
    scopes_total: int
    resources: int
    calls: int
    errors: int
    eta_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Everything a collection needs besides its scopes."""

    caller: Caller
    types: Mapping[str, ResourceType]
    salt: bytes
    now: Callable[[], datetime]
    concurrency: int = 32
    scope_timeout_s: float = 300.0
    redact_paths: Sequence[str] = ()

    def run(
        self,
        scopes: Iterable[Scope],
        *,
        sink: Callable[[ScopeResult], None],
        progress: Callable[[Progress], None] = lambda _: None,
        stop: threading.Event | None = None,
        done_before: Collection[Scope] = (),
    ) -> bool:
        """Visit every scope not in `done_before`; whether all were finished (false after a stop)."""
        return _Run(self, scopes, done_before).go(sink, progress, stop or threading.Event())


class _Run:
    """One run's threads and their shared state."""

    def __init__(self, collector: Collector, scopes: Iterable[Scope], done_before: Collection[Scope]) -> None:
        self.of = collector
        self.lanes = Lanes(limit=collector.concurrency)
        self.changed = threading.Condition()
        self.results: queue.SimpleQueue[ScopeResult] = queue.SimpleQueue()
        self.closing = False
        self.under_way = 0
        self.calls = 0
        wanted = [scope for scope in scopes if scope not in done_before]
        self.total = len(wanted) + len(done_before)
        self.done = self.first_done = len(done_before)
        for scope in wanted:
            self._plan(scope)

    def go(
        self, sink: Callable[[ScopeResult], None], progress: Callable[[Progress], None], stop: threading.Event
    ) -> bool:
        resources = errors = 0
        started = time.monotonic()
        threads = [
            threading.Thread(target=self._work, name=f"collect-{n}", daemon=True) for n in range(self.of.concurrency)
        ]
        for thread in threads:
            thread.start()
        try:
            while self.done < self.total and not stop.is_set():
                try:
                    result = self.results.get(timeout=_TICK_S)
                except queue.Empty:
                    result = None
                if result is not None:
                    sink(result)
                    self.done += 1
                    resources += len(result.observations)
                    errors += not result.state.complete and result.state is not ScopeState.UNSUPPORTED
                eta_s = _eta(self.done - self.first_done, self.total - self.done, time.monotonic() - started)
                progress(Progress(self.done, self.total, resources, self.calls, errors, eta_s))
        finally:
            with self.changed:
                self.closing = True
                self.changed.notify_all()
            for thread in threads:
                thread.join()
        return self.done == self.total

    # --- threads -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self.changed:
                taken = None if self.closing else self.lanes.take()
                while taken is None:
                    if self.closing:
                        return
                    self.changed.wait(1.0)
                    taken = self.lanes.take()
            place, task = taken
            try:
                task()
            finally:
                with self.changed:
                    self.lanes.finished(place)
                    self.changed.notify()

    def _put(self, visit: Visit, place: Place, task: Callable[[], None], *, detail: bool) -> None:
        def run() -> None:
            try:
                if not visit.over:
                    self._alive(visit, place)
                    task()
            except WindlassError as error:
                visit.fail(error)
            except Exception as error:  # noqa: BLE001  one broken answer must not end the collection of all others
                visit.fail(AwsError(f"{visit.scope.type}: {type(error).__name__}: {error}", code="Malformed"))
            finally:
                visit.end()

        visit.begin()
        with self.changed:
            self.lanes.put(visit.scope, place, run, detail=detail)
            self.changed.notify()

    def _alive(self, visit: Visit, place: Place) -> None:
        with self.changed:
            dead = self.lanes.dead(place)
        if dead:
            raise AwsError(
                f"{place[1]} of {place[0]} does not answer; given up for this run", code="EndpointUnreachable"
            )
        if time.monotonic() > visit.deadline:
            raise AwsError(f"{visit.scope.type} took longer than {self.of.scope_timeout_s:g} s", code="ReadTimeout")

    # --- calls -------------------------------------------------------------------------------------------------

    def _call(self, visit: Visit, region: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        with self._counted(visit, region):
            return self.of.caller.call(visit.scope.account_id, region, service, operation, **params)

    def _pages(self, visit: Visit, service: str, operation: str, **params: Any) -> Iterator[dict[str, Any]]:
        scope = visit.scope
        pages = self.of.caller.pages(scope.account_id, scope.region, service, operation, **params)
        while True:
            self._alive(visit, (scope.account_id, scope.region))
            with self._counted(visit, scope.region):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _counted(self, visit: Visit, region: str) -> _Counted:
        return _Counted(self, visit, (visit.scope.account_id, region))

    # --- scopes ------------------------------------------------------------------------------------------------

    def _plan(self, scope: Scope) -> None:
        kind = self.of.types[scope.type]
        visit = Visit(
            kind=kind, scope=scope, started_at=self.of.now(), deadline=float("inf"), finish=self._finish,
        )  # fmt: skip
        task = self._list_buckets if kind.name == "s3.bucket" else self._list
        self._put(visit, (scope.account_id, scope.region), lambda: self._start(visit, task), detail=False)

    def _start(self, visit: Visit, task: Callable[[Visit], None]) -> None:
        visit.started_at = self.of.now()
        visit.deadline = time.monotonic() + self.of.scope_timeout_s
        task(visit)

    def _list(self, visit: Visit) -> None:
        kind, scope = visit.kind, visit.scope
        for given in self._parents(visit):
            request = {key: _filled(value, scope) for key, value in kind.request.items()} | given
            for page in self._pages(visit, kind.service, kind.operation, **request):
                for item in items_of(kind, page, given):
                    self._add(visit, Found(item, scope.region))

    def _parents(self, visit: Visit) -> Iterator[dict[str, Any]]:
        parent = visit.kind.parent
        if parent is None:
            yield {}
            return
        for page in self._pages(visit, visit.kind.service, parent.operation, **parent.request):
            for item in find(parent.items, page) or ():
                yield {name: find(path, item) for name, path in parent.params.items()}

    def _list_buckets(self, visit: Visit) -> None:
        by_region: dict[str, list[Found]] = {}
        for page in self._pages(visit, "s3", "ListBuckets", **s3.LIST_PARAMS):
            for item in items_of(visit.kind, page):
                region = item.get("BucketRegion") or s3.bucket_region(self.of.caller, visit.scope.account_id, item)
                item["Region"] = region
                item.pop("BucketRegion", None)
                item.pop("BucketArn", None)
                found = Found(item, region)
                by_region.setdefault(region, []).append(found)
                self._add(visit, found)
        for region, members in by_region.items():
            place = (visit.scope.account_id, region)
            self._put(visit, place, functools.partial(self._measure, visit, region, members), detail=True)

    def _measure(self, visit: Visit, region: str, members: list[Found]) -> None:
        names = {found.item["Name"]: found for found in members}
        try:
            measured = s3.storage_measures(self.of.caller, visit.scope.account_id, region, names, now=self.of.now())
        except WindlassError:
            return  # sizes are shown where they can be had; the buckets' configuration does not depend on them
        visit.called()
        for name, values in measured.items():
            names[name].measures = values

    def _add(self, visit: Visit, found: Found) -> None:
        with visit.lock:
            visit.found.append(found)
        details = visit.kind.details
        if not details:
            return
        place = (visit.scope.account_id, found.region)
        if visit.kind.name == "s3.bucket":
            # Each detail of a bucket is a task of its own: they are many, and independent.
            for detail in details:
                self._put(visit, place, functools.partial(self._detail, visit, found, detail), detail=True)
        else:
            self._put(visit, place, functools.partial(self._details, visit, found), detail=True)

    def _details(self, visit: Visit, found: Found) -> None:
        for detail in visit.kind.details:
            if not found.gone and not visit.over:
                self._detail(visit, found, detail)

    def _detail(self, visit: Visit, found: Found, detail: Detail) -> None:
        if found.gone:
            return
        params = {name: find(path, found.item) for name, path in detail.params.items()}
        if any(value is None or value == [None] for value in params.values()):
            found.unknown.add(detail.key or "*")  # a detail before this one, which it needs, could not be read
            return
        if visit.kind.name == "s3.bucket":
            params |= s3.owner_params(detail.operation, visit.scope.account_id)
        try:
            answer = self._read(visit, found.region, detail, params)
        except WindlassError as error:
            _note_failure(visit, found, detail, error)
            return
        if detail.key:
            found.item[detail.key] = answer
        elif isinstance(answer, dict):
            found.item.update(answer)

    def _read(self, visit: Visit, region: str, detail: Detail, params: dict[str, Any]) -> Any:
        service = detail.service or visit.kind.service
        answer = self._call(visit, region, service, detail.operation, **params)
        if detail.operation.startswith(
            "ListBucket"
        ):  # four listings of configurations, 100 a page, without a paginator
            listed: list[Any] = list(find(detail.result, answer) or ())
            while answer.get("IsTruncated") and answer.get("NextContinuationToken"):
                answer = self._call(
                    visit,
                    region,
                    service,
                    detail.operation,
                    **params,
                    ContinuationToken=answer["NextContinuationToken"],
                )
                listed += find(detail.result, answer) or ()
            return listed
        return find(detail.result, answer)

    def _finish(self, visit: Visit) -> None:
        observations: list[Observation] = []
        if visit.state.complete:
            observations = self._observations(visit)
        self.results.put(
            ScopeResult(
                scope=visit.scope,
                state=visit.state,
                observations=tuple(observations) if visit.state.complete else (),
                error_code=visit.error.code if visit.error else "",
                error=visit.error.message if visit.error else "",
                calls=visit.calls,
                started_at=visit.started_at,
                finished_at=self.of.now(),
            )
        )

    def _observations(self, visit: Visit) -> list[Observation]:
        partition = self.of.caller.partition(visit.scope.account_id)
        mine = [path.partition(":")[2] for path in self.of.redact_paths if path.startswith(f"{visit.kind.name}:")]
        observations = []
        for found in visit.found:
            if found.gone:
                continue
            seen = observe(
                visit.kind, visit.scope, found.item, partition=partition, salt=self.of.salt, region=found.region,
                unknown=found.unknown, measures=found.measures, redact_paths=mine,
            )  # fmt: skip
            if seen is not None and (seen.arn or not visit.kind.arn or "*" not in found.unknown):
                observations.append(seen)
            elif "*" in found.unknown:
                # It exists, but which one it is could not be read: calling the listing complete would delete it.
                visit.fail(
                    visit.error or AwsError(f"{visit.scope.type}: an item could not be told apart", code="Unidentified")
                )
                return []
        return observations


class _Counted:
    """Around one call: counts it, and tells the lanes whether its place is alive."""

    __slots__ = ("place", "run", "visit")

    def __init__(self, run: _Run, visit: Visit, place: Place) -> None:
        self.run, self.visit, self.place = run, visit, place

    def __enter__(self) -> None:
        self.visit.called()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        silent = isinstance(error, WindlassError) and no_answer(error)
        with self.run.changed:
            self.run.calls += 1
            if silent:
                self.run.lanes.unanswered(self.place)
            else:
                self.run.lanes.answered(self.place)
            self.run.changed.notify()


def _note_failure(visit: Visit, found: Found, detail: Detail, error: WindlassError) -> None:
    if error.code in detail.absent:
        if detail.key:
            found.item[detail.key] = None
    elif is_gone(error, detail):
        found.gone = True
    elif no_answer(error):
        raise error
    else:
        visit.miss(found, detail, error)


def _filled(value: Any, scope: Scope) -> Any:
    return value.format(account=scope.account_id, region=scope.region) if isinstance(value, str) else value


def _eta(done: int, left: int, spent_s: float) -> float | None:
    return spent_s / done * left if done else None
