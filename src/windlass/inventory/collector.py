"""Scanning scopes with bounded threads; the unit of work is one listing, or the details of one item.

Each scope ends in one ScopeResult, passed to `sink` by the calling thread. After a stop, calls in flight still
finish. Scopes whose listing was not complete by then are not reported, so that the store keeps what it has; the others
are reported as PARTIAL with the code `Interrupted`, and the next run reads their remaining details first.

Scopes are claimed from their source (`scope_source.py`) a few at a time, when workers run out of listings: no other
process scans what this one has claimed.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from windlass.inventory.scheduler import AccountRegion, Endpoint, Scheduler
from windlass.inventory.scope_result import INTERRUPTED, scope_result
from windlass.inventory.scope_scan import ScopeScan
from windlass.inventory.scope_source import FixedScopes, ScopeSource
from windlass.inventory.selection import Selection

__all__ = ["CollectOptions", "CollectProgress", "Collector"]

_TICK_S = 0.2
_SCOPES_PER_WORKER = 16  # open at a time: enough that no worker waits, few enough to hold their items in memory
_UNLISTED_PER_WORKER = 2  # claimed, not started: enough that no worker waits, few enough for other processes
_CLAIM_INTERVAL_S = 0.5  # between two claims while there is nothing to claim
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
    workers: int = 1  # processes that scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """The settings and ports of a collection, without its scopes."""

    caller: EstateCaller
    types: Mapping[str, ResourceType]
    salt: bytes
    now: Callable[[], datetime]
    concurrency: int = 32
    scope_timeout_s: float = 300.0  # without any response; a scope whose calls are answered has no limit
    details_timeout_s: float = 0.0  # spent on a scope's details in one run; 0: no limit
    read_times: Callable[[Scope], ReadTimes] = lambda _: {}
    clock: Callable[[], float] = time.monotonic
    redact_paths: Sequence[str] = ()
    read_measures: bool = True  # whether this run reads sizes and counts that AWS charges for
    single_server: bool = False  # one server stands for all regions (the embedded AWS); not AWS
    selections: Mapping[Scope, Selection] = field(default_factory=dict)  # scopes of which only some resources are read

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
        return self.run_from(FixedScopes(scopes, done_before), sink=sink, progress=progress, stop=stop)

    def run_from(
        self,
        source: ScopeSource,
        *,
        sink: Callable[[ScopeResult], None],
        progress: Callable[[CollectProgress], None] = lambda _: None,
        stop: threading.Event | None = None,
        report_unfinished: bool = True,
    ) -> bool:
        """Scan the scopes of the source until it is finished. True when it was, False after a stop.

        `report_unfinished`: after a stop, report what was listed with the details that were read.
        """
        run = _Run(self, source)
        return run.execute(sink, progress, stop or threading.Event(), report_unfinished=report_unfinished)


class _Run:
    """One run's threads and their shared state, guarded by `changed`."""

    def __init__(self, collector: Collector, source: ScopeSource) -> None:
        self.collector = collector
        self.source = source
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
        self.done = source.done_at_start
        self.unfinished: set[Scope] = set()  # claimed, and not yet reported
        self.unlisted = 0  # claimed, not started
        self.idle = 0  # workers that wait for a task
        self.claim_at_s = 0.0
        self.resources = self.errors = 0

    def execute(
        self,
        sink: Callable[[ScopeResult], None],
        progress: Callable[[CollectProgress], None],
        stop: threading.Event,
        *,
        report_unfinished: bool,
    ) -> bool:
        started_s = time.monotonic()
        concurrency = self.collector.concurrency
        threads = [threading.Thread(target=self._work, name=f"collect-{n}", daemon=True) for n in range(concurrency)]
        for thread in threads:
            thread.start()
        try:
            while not stop.is_set():
                self._claim()
                if not self.scans and self.source.is_finished():
                    break
                with contextlib.suppress(queue.Empty):
                    self._report(self.results.get(timeout=_TICK_S), sink)
                progress(self._progress(time.monotonic() - started_s))
        finally:
            with self.changed:
                self.closing = True
                self.changed.notify_all()
            for thread in threads:
                thread.join()
        while not self.results.empty():
            self._report(self.results.get(), sink)
        if report_unfinished:
            self._report_unfinished(sink)
        return not self.unfinished and self.source.is_finished()

    def _progress(self, elapsed_s: float) -> CollectProgress:
        total = self.source.total
        eta_s = _eta_s(self.done - self.source.done_at_start, total - self.done, elapsed_s)
        return CollectProgress(self.done, total, self.resources, self.calls.made, self.errors, eta_s)

    def _report(self, result: ScopeResult, sink: Callable[[ScopeResult], None]) -> None:
        sink(result)
        with self.changed:
            self.scans.pop(result.scope, None)
        if not self.scans:
            self.claim_at_s = 0.0  # the end of a run is seen at once
        if result.error_code != INTERRUPTED:
            self.done += 1
            self.unfinished.discard(result.scope)
            self.source.ended(result.scope)
        self.resources += len(result.observations)
        self.errors += result.state not in (ScopeState.OK, ScopeState.UNSUPPORTED)

    def _report_unfinished(self, sink: Callable[[ScopeResult], None]) -> None:
        """Report, after a stop, the scopes that were listed by then, with the details read."""
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
                    self.idle += 1
                    self.changed.wait(1.0)
                    self.idle -= 1
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
            except Exception as error:  # noqa: BLE001  one malformed response must not end the whole collection
                on_failure(AwsError(f"{scan.scope.type}: {type(error).__name__}: {error}", code="Malformed"))
            finally:
                scan.end_task()

        scan.add_task()
        target: AccountRegion = (scan.scope.account_id, region)
        with self.changed:
            self.scheduler.put((scan.scope, region), target, run, detail=detail)
            self.changed.notify()

    # --- scopes ------------------------------------------------------------------------------------------------

    def _claim(self) -> None:
        """Claim and open scopes until every worker has enough to do."""
        while time.monotonic() >= self.claim_at_s:
            limit, given_up = self._claim_limit()
            if limit <= 0:
                return
            claim = self.source.claim(limit, given_up)
            if not claim.scopes:
                self.claim_at_s = time.monotonic() + _CLAIM_INTERVAL_S
            self._open(claim.scopes, claim.given_up)

    def _claim_limit(self) -> tuple[int, frozenset[Endpoint]]:
        """Return how many scopes to claim now, and which endpoints are given up.

        Scopes of an unresponsive region wait unlisted; further scopes are claimed for the workers that this leaves idle.
        """
        concurrency = self.collector.concurrency
        with self.changed:
            count = 0
            if self.unlisted <= _UNLISTED_PER_WORKER * concurrency // 2:
                count = _UNLISTED_PER_WORKER * concurrency - self.unlisted
            elif self.idle and not self.scheduler.has_runnable():
                count = self.idle
            return min(_SCOPES_PER_WORKER * concurrency - len(self.scans), count), self.scheduler.given_up()

    def _open(self, scopes: Sequence[Scope], given_up: frozenset[Endpoint]) -> None:
        with self.changed:
            self.scheduler.give_up(given_up)
            self.unlisted += len(scopes)
            self.unfinished.update(scopes)
            for scope in scopes:
                kind = self.collector.types[scope.type]
                scan = ScopeScan(
                    kind=kind,
                    scope=scope,
                    started_at=self.collector.now(),
                    finish=self._finish,
                    selection=self.collector.selections.get(scope),
                )
                self.scans[scope] = scan
                self._submit(scan, scope.region, functools.partial(self._list, scan), scan.fail, detail=False)

    def _list(self, scan: ScopeScan) -> None:
        with self.changed:
            self.unlisted -= 1
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
        if scan.selection is None:
            self.parents.ended(scan)
        if scan.error is not None:
            self.refusals.learn(scan.kind, scan.scope, scan.error)
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
