"""The order in which ready messages leave a queue: oldest first, or FIFO by message group.

Both orders hold sequence numbers only, in heaps with lazy deletion: an entry whose message is deleted, hidden or taken
is dropped when it reaches the top. Every call is O(log n) amortised, for any backlog.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from windlass_local.sqs.message import Message, State

__all__ = ["FifoOrder", "Order", "StandardOrder"]


class Order(Protocol):
    """The protocol of an order. `messages` is the queue's live messages by sequence number."""

    def added(self, message: Message) -> None:
        """Add a message that was sent (it may be delayed)."""

    def ready(self, message: Message) -> None:
        """Make a delayed or in-flight message available."""

    def removed(self, message: Message, was: State) -> None:
        """Remove a message that was in state `was`."""

    def take(self, limit: int) -> list[Message]:
        """Return up to `limit` available messages; the caller must receive or remove each."""

    def clear(self) -> None:
        """Forget everything (purge)."""


class StandardOrder:
    """Oldest first. SQS promises best effort only; a returned message keeps its place, as it mostly does in SQS."""

    def __init__(self, messages: Mapping[int, Message]) -> None:
        self._messages = messages
        self._ready: list[int] = []

    def added(self, message: Message) -> None:
        """Add a message that was sent."""
        if message.state is State.READY:
            heapq.heappush(self._ready, message.seq)

    def ready(self, message: Message) -> None:
        """Make a message available."""
        heapq.heappush(self._ready, message.seq)

    def removed(self, message: Message, was: State) -> None:
        """Do nothing: the entry in the heap is skipped when it is reached."""

    def take(self, limit: int) -> list[Message]:
        """Return available messages."""
        taken: list[Message] = []
        while self._ready and len(taken) < limit:
            message = self._messages.get(heapq.heappop(self._ready))
            if message is not None and message.state is State.READY:
                taken.append(message)
        return taken

    def clear(self) -> None:
        """Remove all messages."""
        self._ready.clear()


@dataclass(slots=True)
class _Group:
    waiting: list[int] = field(default_factory=list)
    in_flight: int = 0


class FifoOrder:
    """Groups in order, each blocked while one of its messages is in flight (Developer Guide, "FIFO delivery logic").

    A receive takes as many messages of one group as it can before it turns to the next group.
    """

    def __init__(self, messages: Mapping[int, Message]) -> None:
        self._messages = messages
        self._groups: dict[str, _Group] = {}
        self._open: list[tuple[int, str]] = []  # (the group's first sequence number, group) that may be receivable

    def added(self, message: Message) -> None:
        """Add a message that was sent."""
        group_id = message.group_id or ""
        group = self._groups.get(group_id)
        if group is None:
            group = self._groups[group_id] = _Group()
        heapq.heappush(group.waiting, message.seq)
        if group.waiting[0] == message.seq:
            self._offer(group_id)

    def ready(self, message: Message) -> None:
        """Make a message available."""
        group_id = message.group_id or ""
        if message.deliveries:  # it was in flight; a delayed message never left `waiting`
            group = self._groups[group_id]
            group.in_flight -= 1
            heapq.heappush(group.waiting, message.seq)
        self._offer(group_id)

    def removed(self, message: Message, was: State) -> None:
        """Remove a message."""
        group_id = message.group_id or ""
        if was is State.IN_FLIGHT and (group := self._groups.get(group_id)):
            group.in_flight -= 1
        self._offer(group_id)

    def take(self, limit: int) -> list[Message]:
        """Return available messages."""
        taken: list[Message] = []
        while self._open and len(taken) < limit:
            first, group_id = heapq.heappop(self._open)
            group = self._groups.get(group_id)
            if group is None or group.in_flight or self._head(group) != first:
                continue
            while len(taken) < limit and self._receivable(group):
                taken.append(self._messages[heapq.heappop(group.waiting)])
                group.in_flight += 1
        return taken

    def clear(self) -> None:
        """Remove all messages."""
        self._groups.clear()
        self._open.clear()

    def _head(self, group: _Group) -> int | None:
        while group.waiting and group.waiting[0] not in self._messages:
            heapq.heappop(group.waiting)
        return group.waiting[0] if group.waiting else None

    def _receivable(self, group: _Group) -> bool:
        head = self._head(group)
        return head is not None and self._messages[head].state is State.READY

    def _offer(self, group_id: str) -> None:
        """Make the group receivable if none of its messages is in flight and the first one is visible."""
        group = self._groups.get(group_id)
        if group is None or group.in_flight:
            return
        head = self._head(group)
        if head is None:
            del self._groups[group_id]
        elif self._messages[head].state is State.READY:
            heapq.heappush(self._open, (head, group_id))
