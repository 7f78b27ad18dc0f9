"""The calls of one run: counted per visit, refused at once where nothing answers, their silence told to the lanes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory.lanes import Lanes
from windlass.inventory.ports import Caller
from windlass.inventory.visit import Visit, no_answer

__all__ = ["Calls"]


class Calls:
    """Used by all threads of a run; `changed` is the lock of the lanes, notified when a region gains room."""

    def __init__(
        self,
        caller: Caller,
        lanes: Lanes,
        changed: threading.Condition,
        *,
        silence_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.caller = caller
        self.clock = clock
        self.made = 0
        self._lanes = lanes
        self._changed = changed
        self._silence_s = silence_s

    def call(self, visit: Visit, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """One answer. AwsError without a call when the place is given up or the visit was silent for too long."""
        self.check(visit, region, service)
        with self._counted(visit, region, service):
            return self.caller.call(visit.scope.account_id, region, service, operation, **params)

    def pages(
        self, visit: Visit, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """A listing's answers, each counted and checked as a call."""
        pages = self.caller.pages(visit.scope.account_id, region, service, operation, **params)
        while True:
            self.check(visit, region, service)
            with self._counted(visit, region, service) as counted:
                page = next(pages, None)
                if page is None:
                    counted.nothing_asked()
                    return
            yield page

    def check(self, visit: Visit, region: str, service: str) -> None:
        """AwsError when a call there is pointless."""
        with self._changed:
            dead = self._lanes.dead((visit.scope.account_id, region), service)
        if dead:
            where = f"{service} in {region} of {visit.scope.account_id}"
            raise AwsError(f"{where} does not answer; given up for this run", code="EndpointUnreachable")
        silent_since = visit.silent_since
        if silent_since is not None and self.clock() - silent_since > self._silence_s:
            raise AwsError(
                f"{visit.scope.type} in {region} of {visit.scope.account_id} got no answer for {self._silence_s:g} s",
                hint="Check the network, or raise inventory.scope_timeout_s.",
                code="ScopeTimeout",
            )

    def _counted(self, visit: Visit, region: str, service: str) -> _Counted:
        return _Counted(self, visit, region, service)

    def note(self, visit: Visit, region: str, service: str, error: BaseException | None) -> None:
        """A call ended: count it, and tell the lanes whether anything came back."""
        place = (visit.scope.account_id, region)
        silent = isinstance(error, WindlassError) and no_answer(error)
        visit.called(silent=silent)
        with self._changed:
            self.made += 1
            if silent:
                self._lanes.unanswered(place, service)
            else:
                self._lanes.answered(place, service)
            self._changed.notify()


class _Counted:
    """Around one call."""

    __slots__ = ("_asked", "_calls", "_region", "_service", "_visit")

    def __init__(self, calls: Calls, visit: Visit, region: str, service: str) -> None:
        self._calls, self._visit, self._region, self._service = calls, visit, region, service
        self._asked = True

    def nothing_asked(self) -> None:
        """The end of a listing needs no further call."""
        self._asked = False

    def __enter__(self) -> Self:
        self._visit.calling(self._calls.clock())
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._asked:
            self._calls.note(self._visit, self._region, self._service, error)
