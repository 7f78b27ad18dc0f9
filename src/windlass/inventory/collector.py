"""Visiting scopes: bounded threads, the unit of work a page of a listing or the details of one resource.

Each scope ends in one ScopeResult, handed to `sink` by the calling thread. A stop lets the calls under way end; scopes
that were not listed completely by then are not reported, so that the store stays as it was for them; those that were are
reported as PARTIAL with the code `Interrupted`, and the next run reads the details left over first.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from windlass.core.errors import AwsError, NotFound, WindlassError
from windlass.inventory import s3
from windlass.inventory.calls import Calls
from windlass.inventory.catalog.declare import ResourceType
from windlass.inventory.detail_reader import Ages, DetailReader
from windlass.inventory.extract import items_of
from windlass.inventory.lanes import Lanes, Place
from windlass.inventory.model import GLOBAL, Scope, ScopeResult, ScopeState
from windlass.inventory.outcome import INTERRUPTED, outcome
from windlass.inventory.paths import find
from windlass.inventory.plan import CollectOptions
from windlass.inventory.ports import Caller
from windlass.inventory.visit import Found, Visit

__all__ = ["CollectOptions", "Collector", "Progress"]

_TICK_S = 0.2
# So many scopes a worker are open at a time: enough that none waits for another, few enough to hold their finds in memory.
_OPEN_A_WORKER = 16
_DETAILS_A_WORKER = 2  # so many tasks a worker are handed out to a region: none waits, and few are held in memory


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
    scope_timeout_s: float = 300.0  # of silence: a scope that answers may take as long as it needs
    details_timeout_s: float = 0.0  # of work on a scope's details in one run; 0: no limit
    ages: Callable[[Scope], Ages] = lambda _: {}
    clock: Callable[[], float] = time.monotonic
    redact_paths: Sequence[str] = ()
    bucket_sizes: bool = True  # read them from CloudWatch, which is charged for, in this run

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
        self.calls = Calls(
            collector.caller, self.lanes, self.changed, silence_s=collector.scope_timeout_s, clock=collector.clock
        )
        self.details = DetailReader(
            self.calls,
            self._put,
            window=_DETAILS_A_WORKER * collector.concurrency,
            timeout_s=collector.details_timeout_s,
        )
        self.visits: dict[Scope, Visit] = {}
        self.results: queue.Queue[ScopeResult] = queue.Queue(maxsize=2 * collector.concurrency)
        self.closing = False
        wanted = [scope for scope in scopes if scope not in done_before]
        self.total = len(wanted) + len(done_before)
        self.done = self.first_done = len(done_before)
        self.ahead = iter(wanted)
        self.open = 0
        self.resources = self.errors = 0
        self._open_more()

    def go(
        self, sink: Callable[[ScopeResult], None], progress: Callable[[Progress], None], stop: threading.Event
    ) -> bool:
        started = time.monotonic()
        threads = [
            threading.Thread(target=self._work, name=f"collect-{n}", daemon=True) for n in range(self.of.concurrency)
        ]
        for thread in threads:
            thread.start()
        try:
            while self.done < self.total and not stop.is_set():
                with contextlib.suppress(queue.Empty):
                    self._report(self.results.get(timeout=_TICK_S), sink)
                eta_s = _eta(self.done - self.first_done, self.total - self.done, time.monotonic() - started)
                progress(Progress(self.done, self.total, self.resources, self.calls.made, self.errors, eta_s))
        finally:
            with self.changed:
                self.closing = True
                self.changed.notify_all()
            for thread in threads:
                thread.join()
        self._report_the_rest(sink)
        return self.done == self.total

    def _report(self, result: ScopeResult, sink: Callable[[ScopeResult], None]) -> None:
        sink(result)
        with self.changed:
            self.visits.pop(result.scope, None)
        self.done += result.error_code != INTERRUPTED
        self.resources += len(result.observations)
        self.errors += result.state not in (ScopeState.OK, ScopeState.UNSUPPORTED)

    def _report_the_rest(self, sink: Callable[[ScopeResult], None]) -> None:
        """After a stop: what ended by then, and what was listed, with the details that were read."""
        while not self.results.empty():
            self._report(self.results.get(), sink)
        for visit in list(self.visits.values()):
            if visit.listed and not visit.over:
                result = self._outcome(visit)
                if result.state.complete and any(found.unread for found in visit.found):
                    result = replace(
                        result,
                        state=ScopeState.PARTIAL,
                        error_code=INTERRUPTED,
                        error="the run was stopped before all details were read",
                    )
                self._report(result, sink)

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

    def _put(
        self,
        visit: Visit,
        region: str,
        task: Callable[[], None],
        failed: Callable[[WindlassError], None],
        *,
        detail: bool,
    ) -> None:
        """Queue a task of the visit. What it raises goes to `failed`; the visit's last task finishes it."""

        def run() -> None:
            try:
                if not visit.over:
                    task()
            except WindlassError as error:
                failed(error)
            except Exception as error:  # noqa: BLE001  one broken answer must not end the collection of all others
                failed(AwsError(f"{visit.scope.type}: {type(error).__name__}: {error}", code="Malformed"))
            finally:
                visit.end()

        visit.begin()
        place: Place = (visit.scope.account_id, region)
        with self.changed:
            self.lanes.put((visit.scope, region), place, run, detail=detail)
            self.changed.notify()

    # --- scopes ------------------------------------------------------------------------------------------------

    def _open_more(self) -> None:
        with self.changed:
            while self.open < _OPEN_A_WORKER * self.of.concurrency:
                scope = next(self.ahead, None)
                if scope is None:
                    return
                self.open += 1
                self._plan(scope)

    def _plan(self, scope: Scope) -> None:
        kind = self.of.types[scope.type]
        visit = Visit(kind=kind, scope=scope, started_at=self.of.now(), finish=self._finish)
        self.visits[scope] = visit
        task = self._list_buckets if kind.name == "s3.bucket" else self._list
        self._put(visit, scope.region, functools.partial(self._start, visit, task), visit.fail, detail=False)

    def _start(self, visit: Visit, task: Callable[[Visit, Ages], None]) -> None:
        visit.started_at = self.of.now()
        ages = self.of.ages(visit.scope) if visit.kind.details else {}
        task(visit, ages)
        self.details.sort(visit, ages)
        visit.listed = True
        self.details.feed(visit)

    def _list(self, visit: Visit, ages: Ages) -> None:
        kind, scope = visit.kind, visit.scope
        missing: list[dict[str, Any]] = []
        for given in self._parents(visit):
            request = {key: _filled(value, scope) for key, value in kind.request.items()} | given
            try:
                for page in self.calls.pages(visit, scope.region, kind.service, kind.operation, **request):
                    for item in items_of(kind, page, given):
                        self._add(visit, Found(item, scope.region), at_once=not ages)
            except NotFound:
                if not given:
                    raise
                missing.append(given)
        self._check_missing(visit, missing)

    def _check_missing(self, visit: Visit, missing: list[dict[str, Any]]) -> None:
        """A parent that is not found must be gone from its own listing, too: else its children are not known, nor gone."""
        if missing and any(given in missing for given in self._parents(visit)):
            raise AwsError(
                f"{visit.scope.type}: {missing[0]} is listed, and its own items are said not to exist",
                hint="The service contradicts itself; the next run asks again.",
                code="Contradiction",
            )

    def _parents(self, visit: Visit) -> Iterator[dict[str, Any]]:
        parent = visit.kind.parent
        if parent is None:
            yield {}
            return
        pages = self.calls.pages(visit, visit.scope.region, visit.kind.service, parent.operation, **parent.request)
        for page in pages:
            for item in find(parent.items, page) or ():
                yield {name: find(path, item) for name, path in parent.params.items()}

    def _finish(self, visit: Visit) -> None:
        result = self._outcome(visit)
        self._open_one_more()
        while not self.closing:
            try:
                self.results.put(result, timeout=_TICK_S)
            except queue.Full:
                continue  # the store is slower than AWS: wait for it rather than hold ever more in memory
            return

    def _outcome(self, visit: Visit) -> ScopeResult:
        partition = self.of.caller.partition(visit.scope.account_id)
        return outcome(
            visit, partition=partition, salt=self.of.salt, redact_paths=self.of.redact_paths, now=self.of.now()
        )

    def _open_one_more(self) -> None:
        with self.changed:
            self.open -= 1
        self._open_more()

    # --- buckets -----------------------------------------------------------------------------------------------

    def _list_buckets(self, visit: Visit, ages: Ages) -> None:
        by_region: dict[str, list[Found]] = {}
        for page in self.calls.pages(visit, GLOBAL, "s3", "ListBuckets", **s3.LIST_PARAMS):
            for item in items_of(visit.kind, page):
                region = str(item.pop("BucketRegion", "") or "")
                item.pop("BucketArn", None)
                found = Found(item, region)
                if region:
                    self._add_bucket(visit, found, at_once=not ages)
                    by_region.setdefault(region, []).append(found)
                else:
                    task = functools.partial(self._locate, visit, found)
                    self._put(visit, GLOBAL, task, functools.partial(self._not_located, visit, found), detail=True)
        for region, members in by_region.items():
            self._put_measure(visit, region, members)

    def _locate(self, visit: Visit, found: Found) -> None:
        try:
            found.region = s3.bucket_region(
                functools.partial(self.calls.call, visit, GLOBAL, "s3"),
                found.item["Name"],
                self.of.caller.partition(visit.scope.account_id),
            )
        except NotFound:
            return  # deleted since it was listed
        self._add_bucket(visit, found, at_once=True)
        self._put_measure(visit, found.region, [found])

    def _not_located(self, visit: Visit, found: Found, error: WindlassError) -> None:
        """The bucket exists; where, and how it is configured, is unknown this time."""
        found.region, found.located = GLOBAL, False
        visit.add(found)
        visit.miss(error)

    def _add_bucket(self, visit: Visit, found: Found, *, at_once: bool) -> None:
        found.item["Region"] = found.region
        visit.add(found)
        # Each detail of a bucket is a task of its own: they are many, and independent.
        self.details.add(visit, found, apart=True)
        if at_once:
            self.details.feed(visit, (found.region,))

    def _put_measure(self, visit: Visit, region: str, members: list[Found]) -> None:
        if not self.of.bucket_sizes:
            return
        # Sizes are shown where they can be had; the buckets' configuration does not depend on them.
        self._put(visit, region, functools.partial(self._measure, visit, region, members), lambda _: None, detail=True)

    def _measure(self, visit: Visit, region: str, members: list[Found]) -> None:
        self.calls.check(visit, region, "s3")  # where buckets do not answer, CloudWatch is not waited for either
        names = {found.item["Name"]: found for found in members}
        pages = functools.partial(self.calls.pages, visit, region, "cloudwatch")
        for name, values in s3.storage_measures(pages, names, now=self.of.now()).items():
            names[name].measures = values

    # --- details -----------------------------------------------------------------------------------------------

    def _add(self, visit: Visit, found: Found, *, at_once: bool) -> None:
        visit.add(found)
        self.details.add(visit, found)
        if at_once:
            self.details.feed(visit, (found.region,))


def _filled(value: Any, scope: Scope) -> Any:
    return value.format(account=scope.account_id, region=scope.region) if isinstance(value, str) else value


def _eta(done: int, left: int, spent_s: float) -> float | None:
    return spent_s / done * left if done else None
