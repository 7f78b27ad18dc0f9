"""One visit to one scope: what has been found so far, what is still under way, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from windlass.core.errors import AccessRefused, NotFound, Throttled, WindlassError
from windlass.inventory.catalog.declare import Detail, ResourceType
from windlass.inventory.model import Scope, ScopeState

__all__ = ["Found", "Visit", "classify", "is_gone", "no_answer"]

_NO_ANSWER = frozenset({"EndpointUnreachable", "ReadTimeout", "ConnectionFailed", "TlsFailed", "ProxyFailed"})
_UNSUPPORTED = frozenset(
    {
        "NotImplemented", "UnknownOperationException", "UnknownEndpoint", "UnsupportedOperation", "UnsupportedOperationException",
        "InvalidAction", "UnknownOperation", "OptInRequired", "SubscriptionRequiredException", "AWSOrganizationsNotInUseException",
        "NotSignedUp", "501",
    }
)  # fmt: skip
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
    if isinstance(error, AccessRefused):
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
    """An item of the listing, growing by its details."""

    item: dict[str, Any]
    region: str
    gone: bool = False
    unknown: set[str] = field(default_factory=set)
    measures: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Visit:
    """A scope being visited. Tasks report to it from many threads; the last one to end finishes it."""

    kind: ResourceType
    scope: Scope
    started_at: datetime
    deadline: float
    finish: Callable[[Visit], None]
    found: list[Found] = field(default_factory=list)
    state: ScopeState = ScopeState.OK
    error: WindlassError | None = None
    calls: int = 0
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
        """An item of the listing."""
        with self.lock:
            self.found.append(found)

    def miss(self, found: Found, keys: Iterable[str], error: WindlassError) -> None:
        """Details could not be read: what they would have told is unknown; partial, unless they can't exist there."""
        with self.lock:
            found.unknown.update(key or "*" for key in keys)
            quiet = classify(error) is ScopeState.UNSUPPORTED or isinstance(error, NotFound)
            if not quiet and self.state is ScopeState.OK:
                self.state, self.error = ScopeState.PARTIAL, error

    def called(self) -> None:
        """One more call was made."""
        with self.lock:
            self.calls += 1

    @property
    def over(self) -> bool:
        """Whether there is no point in going on."""
        return not self.state.complete
