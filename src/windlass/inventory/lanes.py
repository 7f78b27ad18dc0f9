"""The order of work: a lane per scope and region, turns in a circle, details before further listings, slow regions held small.

A region begins with two workers and doubles with each good answer, so that a dead one never holds more than a few of
them. Silence is counted per endpoint (a service in a region): a service that is not offered somewhere is given up alone;
a region is given up for the rest of the run when several of its services in a row are silent (circuit breaker).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

__all__ = ["Lanes", "Place"]

_FIRST = 2
_GIVE_UP_AFTER = 2  # silent calls of one endpoint
_SILENT_SERVICES = 3  # silent services of one region
_ONCE_HEARD = 4  # what answered before in this run gets so many times the patience

Task = Callable[[], None]
Place = tuple[str, str]
"""(account, region): what is alive or dead together."""


@dataclass(slots=True)
class _Health:
    allowed: int = _FIRST
    under_way: int = 0
    silent: dict[str, int] = field(default_factory=dict)  # by service, since its last answer
    heard: set[str] = field(default_factory=set)  # services that answered in this run
    streak: set[str] = field(default_factory=set)  # services that were silent since anything answered


@dataclass(slots=True)
class Lanes:
    """Tasks waiting for their turn. Not thread-safe: the collector holds its lock around every call."""

    limit: int
    _active: deque[Hashable] = field(default_factory=deque)
    _tasks: dict[Hashable, tuple[deque[tuple[Place, Task]], deque[tuple[Place, Task]]]] = field(default_factory=dict)
    _health: dict[Place, _Health] = field(default_factory=dict)

    def put(self, lane: Hashable, place: Place, task: Task, *, detail: bool) -> None:
        """Add a task to a lane, all of whose tasks are of one place; its details go before its listings."""
        queues = self._tasks.get(lane)
        if queues is None:
            queues = self._tasks[lane] = (deque(), deque())
            self._active.append(lane)
        queues[0 if detail else 1].append((place, task))

    def take(self) -> tuple[Place, Task] | None:
        """The next task whose region has room; None when there is none now."""
        for _ in range(len(self._active)):
            lane = self._active[0]
            self._active.rotate(-1)
            queues = self._tasks[lane]
            waiting = queues[0] or queues[1]
            if not self._room(waiting[0][0]):
                continue
            found = waiting.popleft()
            self._health[found[0]].under_way += 1
            if not any(queues):
                del self._tasks[lane]
                self._active.pop()  # its turn has just put it last
            return found
        return None

    def _room(self, place: Place) -> bool:
        health = self._health.setdefault(place, _Health())
        return health.under_way < health.allowed or self.dead(place)

    def finished(self, place: Place) -> None:
        """A task of this place ended."""
        self._health[place].under_way -= 1

    def answered(self, place: Place, service: str) -> None:
        """A call there was answered, well or not."""
        health = self._health.setdefault(place, _Health())
        health.heard.add(service)
        health.silent.pop(service, None)
        health.streak.clear()
        health.allowed = min(self.limit, health.allowed * 2)

    def unanswered(self, place: Place, service: str) -> None:
        """A call there got no answer at all."""
        health = self._health.setdefault(place, _Health())
        health.silent[service] = health.silent.get(service, 0) + 1
        health.streak.add(service)

    def dead(self, place: Place, service: str = "") -> bool:
        """Whether the whole region is given up, or this service there."""
        health = self._health.get(place)
        if health is None:
            return False
        if len(health.streak) >= _SILENT_SERVICES * (_ONCE_HEARD if health.heard else 1):
            return True
        patience = _GIVE_UP_AFTER * (_ONCE_HEARD if service in health.heard else 1)
        return health.silent.get(service, 0) >= patience
