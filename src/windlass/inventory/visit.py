"""One visit to one scope: what has been found so far, what is still under way, and how it ended."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from windlass.core.errors import AccessDenied, NotFound, Throttled, WindlassError
from windlass.inventory.catalog.declare import Detail, ResourceType
from windlass.inventory.model import Scope, ScopeState

__all__ = ["Found", "Visit", "Work", "classify", "is_gone", "no_answer"]

_NO_ANSWER = frozenset({"EndpointUnreachable", "ReadTimeout", "ConnectionFailed", "TlsFailed", "ProxyFailed"})
_UNSUPPORTED = frozenset(
    {
        "NotImplemented",
        "UnknownOperationException",
        "UnknownEndpoint",
        "UnsupportedOperation",
        "UnsupportedOperationException",
        "InvalidAction",
        "UnknownOperation",
        "OptInRequired",
        "SubscriptionRequiredException",
        "AWSOrganizationsNotInUseException",
        "NotSignedUp",
        "501",
    }
)
_GONE = frozenset(
    {
        "NoSuchBucket",
        "NoSuchEntity",
        "NoSuchEntityException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)


def classify(error: WindlassError) -> ScopeState:
    """The state that an error of the *listing* leaves a scope in."""
    if error.code in _UNSUPPORTED:
        return ScopeState.UNSUPPORTED
    if error.code in _NO_ANSWER or error.code == "ScopeTimeout":
        return ScopeState.TIMEOUT
    if isinstance(error, AccessDenied):
        return ScopeState.DENIED
    if isinstance(error, Throttled):
        return ScopeState.THROTTLED
    return ScopeState.FAILED


def no_answer(error: WindlassError) -> bool:
    """Whether nothing came back from the place at all."""
    return error.code in _NO_ANSWER


def is_gone(error: WindlassError, detail: Detail) -> bool:
    """Whether a detail's error says that the resource itself was deleted meanwhile."""
    if error.code in _GONE:
        return True
    # What describes the whole resource and does not find it has found out that it is gone; a part may just be absent.
    return isinstance(error, NotFound) and not detail.key and error.code not in detail.absent


@dataclass(slots=True)
class Found:
    """An item of the listing, growing by its details. `unread` are the places of details in the type's declaration."""

    item: dict[str, Any]
    region: str
    unread: set[int] = field(default_factory=set)
    gone: bool = False  # a detail says so; the listing decides
    located: bool = True
    measures: dict[str, Any] = field(default_factory=dict)

    def unknown(self, kind: ResourceType) -> set[str]:
        """Keys of the document that were not read; `*` stands for what is merged into it."""
        keys = {kind.details[place].key or "*" for place in self.unread}
        return keys if self.located else keys | {"Region"}


Work = tuple[Found, tuple[int, ...]]
"""Details to read: of which item, and their places in the type's declaration."""


@dataclass(slots=True)
class Visit:
    """A scope being visited. Tasks report to it from many threads; the last one to end finishes it."""

    kind: ResourceType
    scope: Scope
    started_at: datetime
    finish: Callable[[Visit], None]
    details_since: float | None = None  # monotonic seconds of the first detail
    found: list[Found] = field(default_factory=list)
    backlog: dict[str, deque[Work]] = field(default_factory=dict)  # by region
    under_way: Counter[str] = field(default_factory=Counter)  # detail tasks that were handed out, by region
    listed: bool = False
    state: ScopeState = ScopeState.OK
    error: WindlassError | None = None
    calls: int = 0
    silent_since: float | None = None
    pending: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, tasks: int = 1) -> None:
        """So many more tasks belong to this visit."""
        with self.lock:
            self.pending += tasks

    def end(self) -> None:
        """One task ended; the last one finishes the visit."""
        with self.lock:
            self.pending -= 1
            last = self.pending == 0
        if last:
            self.finish(self)

    def fail(self, error: WindlassError, state: ScopeState | None = None) -> None:
        """The listing is not complete; the first reason stays."""
        with self.lock:
            if self.state.complete:
                self.state, self.error = state or classify(error), error

    def add(self, found: Found) -> None:
        """An item of the listing, all of whose details are still to read."""
        with self.lock:
            found.unread.update(range(len(self.kind.details)))
            self.found.append(found)

    def miss(self, error: WindlassError) -> None:
        """Record that a detail could not be read: it keeps its last known value and the scope becomes PARTIAL.

        What the service does not offer there, and what is absent, leaves the scope as it is.
        """
        with self.lock:
            quiet = classify(error) is ScopeState.UNSUPPORTED or isinstance(error, NotFound)
            if not quiet and self.state is ScopeState.OK:
                self.state, self.error = ScopeState.PARTIAL, error

    def defer(self, region: str, work: Work) -> None:
        """Add details to the backlog of a region."""
        with self.lock:
            self.backlog.setdefault(region, deque()).append(work)

    def take(self, region: str, window: int) -> Work | None:
        """The next details of the region, when fewer than `window` tasks of it are under way."""
        with self.lock:
            waiting = self.backlog.get(region)
            if not waiting or self.under_way[region] >= window:
                return None
            self.under_way[region] += 1
            return waiting.popleft()

    def taken_ended(self, region: str) -> None:
        """A task made from the backlog of the region ended."""
        with self.lock:
            self.under_way[region] -= 1

    def calling(self, now: float) -> None:
        """A call starts at `now` (monotonic seconds): silence begins unless it has begun."""
        with self.lock:
            if self.silent_since is None:
                self.silent_since = now

    def called(self, *, silent: bool) -> None:
        """One more call was made; an answer ends the silence."""
        with self.lock:
            self.calls += 1
            if not silent:
                self.silent_since = None

    @property
    def over(self) -> bool:
        """Whether there is no point in going on."""
        return not self.state.complete
