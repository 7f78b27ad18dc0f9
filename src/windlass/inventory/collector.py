"""Scanning scopes with bounded threads; the unit of work is one listing, or the details of one item.

Each scope ends in one ScopeResult, passed to `sink` by the calling thread. A stop lets the calls in flight end. Scopes
whose listing was not complete by then are not reported, so that the store keeps what it has of them; the others are
reported as PARTIAL with the code `Interrupted`, and the next run reads their remaining details first.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory.automatic.parent_listings import ParentListings
from windlass.inventory.automatic.refusals import Refusals
from windlass.inventory.calls import Calls
from windlass.inventory.detail_reader import DetailReader, ReadTimes
from windlass.inventory.listing import ListingContext, list_items
from windlass.inventory.model import Scope, ScopeResult, ScopeState
from windlass.inventory.plan import CollectOptions
from windlass.inventory.ports import EstateCaller
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.scheduler import AccountRegion, Scheduler
from windlass.inventory.scope_result import INTERRUPTED, scope_result
from windlass.inventory.scope_scan import ScopeScan

__all__ = ["CollectOptions", "CollectProgress", "Collector"]

_TICK_S = 0.2
_SCOPES_PER_WORKER = 16  # open at a time: enough that no worker waits, few enough to hold their items in memory
_DETAILS_PER_WORKER = 2  # detail tasks handed out per region: enough that no worker waits, few enough for memory


@dataclass(frozen=True, slots=True)
class CollectProgress:
    """The progress of a collection; `eta_s` is None until the first scope has ended."""

    scopes_done: int
    scopes_total: int
    resources: int
    calls: int
    errors: int
    eta_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Everything that a collection needs besides its scopes."""

    caller: EstateCaller
    types: Mapping[str, ResourceType]
    salt: bytes
    now: Callable[[], datetime]
    concurrency: int = 32
    scope_timeout_s: float = 300.0  # of silence: a scope that answers may take as long as it needs
    details_timeout_s: float = 0.0  # of work on a scope's details in one run; 0: no limit
    read_times: Callable[[Scope], ReadTimes] = lambda _: {}
    clock: Callable[[], float] = time.monotonic
    redact_paths: Sequence[str] = ()
    read_measures: bool = True  # whether this run reads sizes and counts that AWS charges for
    single_server: bool = False  # one program answers for all regions (the embedded AWS), not AWS

    def run(
        self,
        scopes: Iterable[Scope],
        *,
        sink: Callable[[ScopeResult], None],
        progress: Callable[[CollectProgress], None] = lambda _: None,
        stop: threading.Event | None = None,
        done_before: Collection[Scope] = (),
    ) -> bool:
        """Scan every scope that is not in `done_before`. True when all were finished, False after a stop."""
        return _Run(self, scopes, done_before).execute(sink, progress, stop or threading.Event())


class _Run:
    """One run's threads and their shared state, guarded by `changed`."""

    def __init__(self, collector: Collector, scopes: Iterable[Scope], done_before: Collection[Scope]) -> None:
        self.collector = collector
        self.scheduler = Scheduler(limit=collector.concurrency)
        self.changed = threading.Condition()
        self.calls = Calls(
            collector.caller, self.scheduler, self.changed, silence_s=collector.scope_timeout_s, clock=collector.clock
        )
        self.details = DetailReader(
            self.calls,
            self._submit,
            window=_DETAILS_PER_WORKER * collector.concurrency,
            timeout_s=collector.details_timeout_s,
        )
        self.listing = ListingContext(
            calls=self.calls,
            details=self.details,
            submit=self._submit,
            partition=collector.caller.partition,
            now=collector.now,
            read_measures=collector.read_measures,
        )
        self.refusals = Refusals(single_server=collector.single_server)
        self.parents = ParentListings(collector.types)
        self.scans: dict[Scope, ScopeScan] = {}
        self.results: queue.Queue[ScopeResult] = queue.Queue(maxsize=2 * collector.concurrency)
        self.closing = False
        remaining = [scope for scope in scopes if scope not in done_before]
        self.total = len(remaining) + len(done_before)
        self.done = self.done_at_start = len(done_before)
        self.unopened = iter(remaining)
        self.open = 0
        self.resources = self.errors = 0
        self._open_scopes()

    def execute(
        self, sink: Callable[[ScopeResult], None], progress: Callable[[CollectProgress], None], stop: threading.Event
    ) -> bool:
        started_s = time.monotonic()
        concurrency = self.collector.concurrency
        threads = [threading.Thread(target=self._work, name=f"collect-{n}", daemon=True) for n in range(concurrency)]
        for thread in threads:
            thread.start()
        try:
            while self.done < self.total and not stop.is_set():
                with contextlib.suppress(queue.Empty):
                    self._report(self.results.get(timeout=_TICK_S), sink)
                eta_s = _eta_s(self.done - self.done_at_start, self.total - self.done, time.monotonic() - started_s)
                progress(CollectProgress(self.done, self.total, self.resources, self.calls.made, self.errors, eta_s))
        finally:
            with self.changed:
                self.closing = True
                self.changed.notify_all()
            for thread in threads:
                thread.join()
        self._report_unfinished(sink)
        return self.done == self.total

    def _report(self, result: ScopeResult, sink: Callable[[ScopeResult], None]) -> None:
        sink(result)
        with self.changed:
            self.scans.pop(result.scope, None)
        self.done += result.error_code != INTERRUPTED
        self.resources += len(result.observations)
        self.errors += result.state not in (ScopeState.OK, ScopeState.UNSUPPORTED)

    def _report_unfinished(self, sink: Callable[[ScopeResult], None]) -> None:
        """Report, after a stop, the scopes that ended by then and those that were listed, with the details read."""
        while not self.results.empty():
            self._report(self.results.get(), sink)
        for scan in list(self.scans.values()):
            if scan.listed and not scan.failed:
                result = self._result(scan)
                if result.state.complete and any(item.unread for item in scan.items):
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
                entry = None if self.closing else self.scheduler.take()
                while entry is None:
                    if self.closing:
                        return
                    self.changed.wait(1.0)
                    entry = self.scheduler.take()
            target, task = entry
            try:
                task()
            finally:
                with self.changed:
                    self.scheduler.task_ended(target)
                    self.changed.notify()

    def _submit(
        self,
        scan: ScopeScan,
        region: str,
        task: Callable[[], None],
        on_failure: Callable[[WindlassError], None],
        *,
        detail: bool,
    ) -> None:
        """Queue a task of the scan. Its errors go to `on_failure`; the scan's last task finishes it."""

        def run() -> None:
            try:
                if not scan.failed:
                    task()
            except WindlassError as error:
                on_failure(error)
            except Exception as error:  # noqa: BLE001  one malformed answer must not end the whole collection
                on_failure(AwsError(f"{scan.scope.type}: {type(error).__name__}: {error}", code="Malformed"))
            finally:
                scan.end_task()

        scan.add_task()
        target: AccountRegion = (scan.scope.account_id, region)
        with self.changed:
            self.scheduler.put((scan.scope, region), target, run, detail=detail)
            self.changed.notify()

    # --- scopes ------------------------------------------------------------------------------------------------

    def _open_scopes(self) -> None:
        with self.changed:
            while self.open < _SCOPES_PER_WORKER * self.collector.concurrency:
                scope = next(self.unopened, None)
                if scope is None:
                    return
                self.open += 1
                kind = self.collector.types[scope.type]
                scan = ScopeScan(kind=kind, scope=scope, started_at=self.collector.now(), finish=self._finish)
                self.scans[scope] = scan
                self._submit(scan, scope.region, functools.partial(self._list, scan), scan.fail, detail=False)

    def _list(self, scan: ScopeScan) -> None:
        scan.started_at = self.collector.now()
        read_times = self.collector.read_times(scan.scope) if scan.kind.details else {}
        self.refusals.check(scan.kind, scan.scope)
        if not self.parents.is_known_empty(scan.kind, scan.scope):
            (scan.kind.lister or list_items)(self.listing, scan, read_times)
        self.details.sort(scan, read_times)
        scan.listed = True
        self.details.feed(scan)

    def _finish(self, scan: ScopeScan) -> None:
        result = self._result(scan)
        self.parents.ended(scan)
        if scan.error is not None:
            self.refusals.learn(scan.kind, scan.scope, scan.error)
        with self.changed:
            self.open -= 1
        self._open_scopes()
        while not self.closing:
            try:
                self.results.put(result, timeout=_TICK_S)
            except queue.Full:
                continue  # the store is slower than AWS: waiting bounds the memory
            return

    def _result(self, scan: ScopeScan) -> ScopeResult:
        return scope_result(
            scan,
            partition=self.collector.caller.partition(scan.scope.account_id),
            salt=self.collector.salt,
            redact_paths=self.collector.redact_paths,
            now=self.collector.now(),
        )


def _eta_s(done: int, left: int, elapsed_s: float) -> float | None:
    return elapsed_s / done * left if done else None
