"""The order of the collector's tasks, and the circuit breaker of endpoints that do not answer.

There is one queue of tasks per scope and region; queues take turns. Details go before further listings. A region starts
with two workers, and every response doubles its limit, so that a dead region never holds more than a few workers. Silence
is counted per endpoint (a service in a region), so that only the service is given up when a region does not offer it; a
region is given up for the rest of the run when several of its services in a row are silent. Processes that share a run
share what they gave up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

__all__ = ["AccountRegion", "Endpoint", "Scheduler"]

_FIRST_WORKERS = 2
_MAX_SILENT_CALLS = 2  # of one endpoint, before it is given up
_MAX_SILENT_SERVICES = 3  # of one region, before it is given up
_PROVEN_PATIENCE = 4  # factor for the silent calls allowed to an endpoint that has answered in this run

Task = Callable[[], None]
AccountRegion = tuple[str, str]
"""(account, region): what is reachable or unreachable together."""
Endpoint = tuple[str, str, str]
"""(account, region, service); the service is empty for all of the region."""


@dataclass(slots=True)
class _Health:
    worker_limit: int = _FIRST_WORKERS
    in_flight: int = 0
    silent_calls: dict[str, int] = field(default_factory=dict)  # by service, since its last response
    answered: set[str] = field(default_factory=set)  # services that answered in this run
    silent_services: set[str] = field(default_factory=set)  # since the last response of any service
    given_up_by_others: set[str] = field(default_factory=set)  # services; '' for all of the region


@dataclass(slots=True)
class Scheduler:
    """Tasks that wait for their turn. Not thread-safe: the collector holds its lock around every call."""

    limit: int
    _turns: deque[Hashable] = field(default_factory=deque)
    _queues: dict[Hashable, tuple[deque[tuple[AccountRegion, Task]], deque[tuple[AccountRegion, Task]]]] = field(
        default_factory=dict
    )
    _health: dict[AccountRegion, _Health] = field(default_factory=dict)

    def put(self, queue: Hashable, target: AccountRegion, task: Task, *, detail: bool) -> None:
        """Add a task to a queue, all of whose tasks have the same target. Its details go before its listings."""
        queues = self._queues.get(queue)
        if queues is None:
            queues = self._queues[queue] = (deque(), deque())
            self._turns.append(queue)
        queues[0 if detail else 1].append((target, task))

    def take(self) -> tuple[AccountRegion, Task] | None:
        """Take the next task whose region has a free worker; None when there is none now."""
        for _ in range(len(self._turns)):
            queue = self._turns[0]
            self._turns.rotate(-1)
            queues = self._queues[queue]
            waiting = queues[0] or queues[1]
            if not self._has_room(waiting[0][0]):
                continue
            entry = waiting.popleft()
            self._health[entry[0]].in_flight += 1
            if not any(queues):
                del self._queues[queue]
                self._turns.pop()  # its turn has just moved it to the end
            return entry
        return None

    def has_runnable(self) -> bool:
        """True when `take` would return a task."""
        return any(self._has_room((details or listings)[0][0]) for details, listings in self._queues.values())

    def _has_room(self, target: AccountRegion) -> bool:
        health = self._health.setdefault(target, _Health())
        return health.in_flight < health.worker_limit or self.is_given_up(target)

    def task_ended(self, target: AccountRegion) -> None:
        """Free the worker of a task of this target."""
        self._health[target].in_flight -= 1

    def call_answered(self, target: AccountRegion, service: str) -> None:
        """Record that a call was answered, with a result or an error."""
        health = self._health.setdefault(target, _Health())
        health.answered.add(service)
        health.silent_calls.pop(service, None)
        health.silent_services.clear()
        health.worker_limit = min(self.limit, health.worker_limit * 2)

    def call_unanswered(self, target: AccountRegion, service: str, *, alone: bool = False) -> None:
        """Record that a call got no response. `alone`: count it for the service only, which the region may not offer."""
        health = self._health.setdefault(target, _Health())
        health.silent_calls[service] = health.silent_calls.get(service, 0) + 1
        if not alone:
            health.silent_services.add(service)

    def is_given_up(self, target: AccountRegion, service: str = "") -> bool:
        """True when the region is given up for this run, or this service in it."""
        health = self._health.get(target)
        if health is None:
            return False
        return _is_silent(health, service) or _is_given_up_by_others(health, service)

    def given_up(self) -> frozenset[Endpoint]:
        """Return what this process has given up by its own calls."""
        return frozenset(
            (*target, service)
            for target, health in self._health.items()
            if health.silent_calls
            for service in ([""] if _is_silent(health, "") else health.silent_calls)
            if _is_silent(health, service)
        )

    def give_up(self, endpoints: Iterable[Endpoint]) -> None:
        """Give up what other processes of the run have given up. An endpoint that answered here is kept."""
        for account_id, region, service in endpoints:
            self._health.setdefault((account_id, region), _Health()).given_up_by_others.add(service)


def _is_silent(health: _Health, service: str) -> bool:
    if len(health.silent_services) >= _MAX_SILENT_SERVICES * (_PROVEN_PATIENCE if health.answered else 1):
        return True
    patience = _MAX_SILENT_CALLS * (_PROVEN_PATIENCE if service in health.answered else 1)
    return health.silent_calls.get(service, 0) >= patience


def _is_given_up_by_others(health: _Health, service: str) -> bool:
    """True unless a call was answered here: the silence that others met may be due to their own network."""
    if "" in health.given_up_by_others and not health.answered:
        return True
    return bool(service) and service in health.given_up_by_others and service not in health.answered
