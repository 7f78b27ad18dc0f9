"""The order of work: a lane per scope, turns in a circle, details before further listings, slow regions held small.

A region begins with two workers and doubles with each good answer, so that a dead one never holds more than two of
them; after two calls without any answer it is given up for the rest of the run (circuit breaker).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

__all__ = ["Lanes", "Place"]

_FIRST = 2
_GIVE_UP_AFTER = 2

Task = Callable[[], None]
Place = tuple[str, str]
"""(account, region): what is alive or dead together."""


@dataclass(slots=True)
class _Health:
    allowed: int = _FIRST
    under_way: int = 0
    silent: int = 0
    answered: bool = False


@dataclass(slots=True)
class Lanes:
    """Tasks waiting for their turn. Not thread-safe: the collector holds its lock around every call."""

    limit: int
    _active: deque[Hashable] = field(default_factory=deque)
    _tasks: dict[Hashable, tuple[deque[tuple[Place, Task]], deque[tuple[Place, Task]]]] = field(default_factory=dict)
    _health: dict[Place, _Health] = field(default_factory=dict)
    waiting: int = 0

    def put(self, lane: Hashable, place: Place, task: Task, *, detail: bool) -> None:
        """Add a task to a lane; details go before listings in the same lane."""
        queues = self._tasks.get(lane)
        if queues is None:
            queues = self._tasks[lane] = (deque(), deque())
            self._active.append(lane)
        queues[0 if detail else 1].append((place, task))
        self.waiting += 1

    def take(self) -> tuple[Place, Task] | None:
        """The next task whose region has room; None when there is none now."""
        for _ in range(len(self._active)):
            lane = self._active[0]
            self._active.rotate(-1)
            for queue in self._tasks[lane]:
                if queue and self._room(queue[0][0]):
                    found = queue.popleft()
                    self._health[found[0]].under_way += 1
                    self.waiting -= 1
                    if not any(self._tasks[lane]):
                        del self._tasks[lane]
                        self._active.remove(lane)
                    return found
        return None

    def _room(self, place: Place) -> bool:
        health = self._health.setdefault(place, _Health())
        return health.under_way < health.allowed or self.dead(place)

    def finished(self, place: Place) -> None:
        """A task of this place ended."""
        self._health[place].under_way -= 1

    def answered(self, place: Place) -> None:
        """A call there was answered, well or not."""
        health = self._health.setdefault(place, _Health())
        health.answered, health.silent = True, 0
        health.allowed = min(self.limit, health.allowed * 2)

    def unanswered(self, place: Place) -> None:
        """A call there got no answer at all."""
        self._health.setdefault(place, _Health()).silent += 1

    def dead(self, place: Place) -> bool:
        """Whether the place is given up: silent again and again, and never heard of in this run or not any more."""
        health = self._health.get(place)
        return health is not None and health.silent >= _GIVE_UP_AFTER * (1 if not health.answered else 4)
