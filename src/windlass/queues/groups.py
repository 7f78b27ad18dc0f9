"""The next lease to start, and the order within FIFO groups. A pure state machine over lease numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

__all__ = ["Groups"]


class Groups:
    """Leases that are ready to start, and for each group the leases behind its head."""

    __slots__ = ("_queues", "ready")

    def __init__(self) -> None:
        self.ready: deque[int] = deque()
        """Leases to start, in order. It may contain leases that no longer wait, which the reader skips."""
        self._queues: dict[str, deque[int]] = {}

    def add(self, number: int, group: str) -> None:
        """Add a lease. It is ready when it has no group, or when its group has no other lease."""
        queue = self._queues.get(group) if group else None
        if queue is not None:
            queue.append(number)
            return
        if group:
            self._queues[group] = deque((number,))
        self.ready.append(number)

    def complete(self, number: int, group: str) -> None:
        """Remove a lease that is done; the next lease of its group becomes ready."""
        queue = self._queues.get(group)
        if queue is None:
            return
        if queue and queue[0] == number:
            queue.popleft()
        if queue:
            self.ready.append(queue[0])
        else:
            del self._queues[group]

    def withdraw(self, number: int, group: str) -> list[int]:
        """Dissolve the group of a lease that returns to the queue. Return the group's other leases, in order."""
        queue = self._queues.pop(group, None)
        return [] if queue is None else [other for other in queue if other != number]

    def restore(self, group: str, numbers: Sequence[int]) -> None:
        """Keep these leases of a dissolved group: they still run. Later leases of the group wait behind them."""
        if numbers:
            self._queues[group] = deque(numbers)
