"""The calls of one run: counted per scan, refused at once where nothing answers, silence reported to the scheduler."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory.model import GLOBAL
from windlass.inventory.ports import EstateCaller
from windlass.inventory.scheduler import Scheduler
from windlass.inventory.scope_scan import ScopeScan, is_unanswered

__all__ = ["Calls"]


class Calls:
    """The calls of all threads of a run. `changed` guards the scheduler, and is notified when a region gains room."""

    def __init__(
        self,
        caller: EstateCaller,
        scheduler: Scheduler,
        changed: threading.Condition,
        *,
        silence_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.caller = caller
        self.clock = clock
        self.made = 0
        self._scheduler = scheduler
        self._changed = changed
        self._silence_s = silence_s

    def call(self, scan: ScopeScan, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the response. AwsError, without making the call, when the endpoint is given up or the scan was silent too long."""
        region = self._answering_region(scan, region)
        self.check(scan, region, service)
        with self._counted(scan, region, service):
            return self.caller.call(scan.scope.account_id, region, service, operation, **params)

    def pages(
        self, scan: ScopeScan, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing. Each is counted and checked like a call."""
        region = self._answering_region(scan, region)
        pages = self.caller.pages(scan.scope.account_id, region, service, operation, **params)
        while True:
            self.check(scan, region, service)
            with self._counted(scan, region, service) as counted:
                page = next(pages, None)
                if page is None:
                    counted.cancel()
                    return
            yield page

    def _answering_region(self, scan: ScopeScan, region: str) -> str:
        """Return the region to call: for a global service, its home region where this is not the partition's default."""
        home = scan.kind.home_region if region == GLOBAL else ""
        return home if home and self.caller.partition(scan.scope.account_id) == "aws" else region

    def check(self, scan: ScopeScan, region: str, service: str) -> None:
        """Raise AwsError when a call to this endpoint is pointless in this run."""
        with self._changed:
            given_up = self._scheduler.is_given_up((scan.scope.account_id, region), service)
        if given_up:
            raise AwsError(
                f"{service} in {region} of {scan.scope.account_id} does not answer; it is given up for this run",
                code="EndpointUnreachable",
            )
        silent_since_s = scan.silent_since_s
        if silent_since_s is not None and self.clock() - silent_since_s > self._silence_s:
            raise AwsError(
                f"{scan.scope.type} in {region} of {scan.scope.account_id} got no response for {self._silence_s:g} s",
                hint="Check the network, or raise inventory.scope_timeout_s.",
                code="ScopeTimeout",
            )

    def _counted(self, scan: ScopeScan, region: str, service: str) -> _CountedCall:
        return _CountedCall(self, scan, region, service)

    def record(self, scan: ScopeScan, region: str, service: str, error: BaseException | None) -> None:
        """Count a call that ended, and report to the scheduler whether it was answered."""
        target = (scan.scope.account_id, region)
        unanswered = isinstance(error, WindlassError) and is_unanswered(error)
        scan.call_ended(unanswered=unanswered)
        with self._changed:
            self.made += 1
            if unanswered:
                self._scheduler.call_unanswered(target, service, alone=scan.kind.automatic)
            else:
                self._scheduler.call_answered(target, service)
            self._changed.notify()


class _CountedCall:
    """Context manager that counts one call."""

    __slots__ = ("_calls", "_counts", "_region", "_scan", "_service")

    def __init__(self, calls: Calls, scan: ScopeScan, region: str, service: str) -> None:
        self._calls, self._scan, self._region, self._service = calls, scan, region, service
        self._counts = True

    def cancel(self) -> None:
        """Do not count this call: the listing ended without one."""
        self._counts = False

    def __enter__(self) -> Self:
        self._scan.call_started(self._calls.clock())
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._counts:
            self._calls.record(self._scan, self._region, self._service, error)
