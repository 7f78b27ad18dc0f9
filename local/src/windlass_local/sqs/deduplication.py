"""The five-minute memory of a FIFO queue: deduplication ids of sends and attempt ids of receives."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

__all__ = ["WINDOW_S", "DeduplicationIds"]

WINDOW_S = 300.0
"""The deduplication interval (API reference, SendMessage: "any messages sent with the same ... within 5 minutes")."""

Value = TypeVar("Value")


class DeduplicationIds(Generic[Value]):
    """A map whose entries are forgotten `WINDOW_S` after they were first put in. O(1) amortised per call."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], Value] = {}
        self._order: deque[tuple[float, tuple[str, str]]] = deque()

    def get(self, key: tuple[str, str], now_s: float) -> Value | None:
        """Return the value put under `key` within the window before `now_s`, or None."""
        while self._order and self._order[0][0] <= now_s:
            self._values.pop(self._order.popleft()[1], None)
        return self._values.get(key)

    def put(self, key: tuple[str, str], value: Value, now_s: float) -> None:
        """Remember `value`; a known key keeps its first deadline."""
        if key not in self._values:
            self._order.append((now_s + WINDOW_S, key))
        self._values[key] = value
