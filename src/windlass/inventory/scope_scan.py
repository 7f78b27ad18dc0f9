"""The scan of one scope: the items listed so far, the tasks in flight, and how the scan ended."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from windlass.core.errors import AccessDenied, NotFound, Throttled, WindlassError
from windlass.inventory.model import Scope, ScopeState
from windlass.inventory.observations import is_kept
from windlass.inventory.resource_type import Detail, ResourceType
from windlass.inventory.selection import Selection

__all__ = ["UNANSWERED", "DetailTask", "Item", "ScopeScan", "classify", "is_absence", "is_deleted", "is_unanswered"]

UNANSWERED = frozenset({"EndpointUnreachable", "ReadTimeout", "ConnectionFailed", "TlsFailed", "ProxyFailed"})
_UNSUPPORTED = frozenset(
    {
        "NotImplemented",
        "UnknownOperationException",
        "UnknownEndpoint",
        "UnsupportedOperation",
        "UnsupportedOperationException",
        "InvalidAction",
        "UnknownOperation",
        "UnknownService",
        "OptInRequired",
        "SubscriptionRequiredException",
        "AWSOrganizationsNotInUseException",
        "NotSignedUp",
        "501",
    }
)
# Errors of an automatic type's listing, which has default parameters only: the service does not offer it in this form, or
# the feature is not set up.
_REFUSED = frozenset(
    {
        "BadRequest",
        "BadRequestException",
        "InvalidAccessException",
        "InvalidArgument",
        "InvalidArgumentException",
        "InvalidInput",
        "InvalidInputException",
        "InvalidParameter",
        "InvalidParameterCombination",
        "InvalidParameterCombinationException",
        "InvalidParameterException",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "InvalidRequest",
        "InvalidRequestException",
        "MissingParameter",
        "MissingParameterException",
        "NoAuthTokenError",
        "ParamValidation",
        "Unpageable",
        "ValidationError",
        "ValidationException",
    }
)
_DELETED = frozenset(
    {
        "NoSuchBucket",
        "NoSuchEntity",
        "NoSuchEntityException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)


def classify(error: WindlassError, *, automatic: bool = False) -> ScopeState:
    """Return the state in which an error of the *listing* leaves a scope; `automatic`: the type is an automatic one."""
    if error.code in _UNSUPPORTED or (automatic and (error.code in _REFUSED or isinstance(error, NotFound))):
        return ScopeState.UNSUPPORTED
    if error.code in UNANSWERED or error.code == "ScopeTimeout":
        return ScopeState.TIMEOUT
    if isinstance(error, AccessDenied):
        return ScopeState.DENIED
    if isinstance(error, Throttled):
        return ScopeState.THROTTLED
    return ScopeState.FAILED


def is_unanswered(error: WindlassError) -> bool:
    """True when the call got no response."""
    return error.code in UNANSWERED


def is_absence(error: WindlassError, absent: Iterable[str]) -> bool:
    """True when the error is one of `absent`: a code, or `code: text of the message`."""
    return any(
        error.code == code and text in error.message for code, _, text in (entry.partition(": ") for entry in absent)
    )


def is_deleted(error: WindlassError, detail: Detail) -> bool:
    """True when the error of a detail call means that the resource was deleted since it was listed."""
    if error.code in _DELETED:
        return True
    # NotFound from the operation that describes the resource means a deletion; from that of a part, that the part is absent.
    return isinstance(error, NotFound) and not detail.key and not is_absence(error, detail.absent)


@dataclass(slots=True)
class Item:
    """An item of the listing. Details are merged into `document`; `unread` are indexes into the type's details."""

    document: dict[str, Any]
    region: str
    unread: set[int] = field(default_factory=set)
    deleted: bool = False  # according to a detail call; only a listing marks deletions
    located: bool = True
    measures: dict[str, Any] = field(default_factory=dict)

    def unknown(self, kind: ResourceType) -> set[str]:
        """Return the keys of the document that were not read; `*` stands for details that are merged into it."""
        keys = {kind.details[index].key or "*" for index in self.unread}
        return keys if self.located else keys | {"Region"}


DetailTask = tuple[Item, tuple[int, ...]]
"""Details to read: an item, and indexes into its type's details."""


@dataclass(slots=True)
class ScopeScan:
    """The progress of one scope. Tasks of many threads update it; the last task to end calls `finish`."""

    kind: ResourceType
    scope: Scope
    started_at: datetime
    finish: Callable[[ScopeScan], None]
    selection: Selection | None = None  # the resources to read; None for all
    details_started_s: float | None = None  # monotonic time of the first detail
    items: list[Item] = field(default_factory=list)
    backlog: dict[str, deque[DetailTask]] = field(default_factory=dict)  # by region
    in_flight: Counter[str] = field(default_factory=Counter)  # detail tasks handed out, by region
    listed: bool = False
    state: ScopeState = ScopeState.OK
    error: WindlassError | None = None
    calls: int = 0
    silent_since_s: float | None = None  # monotonic time since which no call was answered
    pending: int = 0  # tasks that have not ended
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_task(self) -> None:
        """Count one more task of this scan."""
        with self.lock:
            self.pending += 1

    def end_task(self) -> None:
        """Count one task as ended; the last one finishes the scan."""
        with self.lock:
            self.pending -= 1
            last = self.pending == 0
        if last:
            self.finish(self)

    def fail(self, error: WindlassError, state: ScopeState | None = None) -> None:
        """Record that the listing is not complete. The first error is kept."""
        with self.lock:
            if self.state.complete:
                self.state, self.error = state or classify(error, automatic=self.kind.automatic), error

    def is_wanted(self, document: Mapping[str, Any]) -> bool:
        """True when the type keeps the listed item and the scan's selection includes it."""
        return is_kept(self.kind, document) and (self.selection is None or self.selection.selects(self.kind, document))

    def add_item(self, item: Item) -> None:
        """Add an item of the listing; all of its details are unread."""
        with self.lock:
            item.unread.update(range(len(self.kind.details)))
            self.items.append(item)

    def mark_unreadable(self, error: WindlassError) -> None:
        """Record that a detail could not be read: it keeps its last known value and the scope becomes PARTIAL.

        Unsupported operations and absent details do not change the scope's state.
        """
        with self.lock:
            harmless = classify(error) is ScopeState.UNSUPPORTED or isinstance(error, NotFound)
            if not harmless and self.state is ScopeState.OK:
                self.state, self.error = ScopeState.PARTIAL, error

    def add_to_backlog(self, region: str, task: DetailTask) -> None:
        """Add details to the backlog of a region."""
        with self.lock:
            self.backlog.setdefault(region, deque()).append(task)

    def next_task(self, region: str, window: int) -> DetailTask | None:
        """Take the next details of the region; None when there are none, or `window` tasks of it are in flight."""
        with self.lock:
            waiting = self.backlog.get(region)
            if not waiting or self.in_flight[region] >= window:
                return None
            self.in_flight[region] += 1
            return waiting.popleft()

    def release_slot(self, region: str) -> None:
        """Record that a task from the backlog of the region ended."""
        with self.lock:
            self.in_flight[region] -= 1

    def call_started(self, now_s: float) -> None:
        """Start the clock of silence at `now_s` (monotonic) unless it runs already."""
        with self.lock:
            if self.silent_since_s is None:
                self.silent_since_s = now_s

    def call_ended(self, *, unanswered: bool) -> None:
        """Count one call; a response stops the clock of silence."""
        with self.lock:
            self.calls += 1
            if not unanswered:
                self.silent_since_s = None

    @property
    def failed(self) -> bool:
        """True when the listing can no longer become complete, so that further calls are pointless."""
        return not self.state.complete
