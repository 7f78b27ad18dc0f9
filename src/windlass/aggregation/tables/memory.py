"""Items in memory, for `simulate` and for tests: the reference for the other tables."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from windlass.aggregation.effects import AwaitCompletions, StoreEffect
from windlass.aggregation.model import KeyState
from windlass.aggregation.tables import transitions
from windlass.aggregation.tables.base import Completion

__all__ = ["MemoryTable"]


class MemoryTable:
    """A dictionary of items; a lock makes each write atomic."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], KeyState] = {}
        self._completions: dict[str, Completion] = {}
        self._paused: set[str] = set()
        self._lock = threading.Lock()

    def perform(self, effect: StoreEffect) -> Any:
        """Perform one write."""
        with self._lock:
            at = (effect.rule, effect.key)
            before = self._items.get(at)
            after = transitions.apply(before, effect)
            if after is not None:
                self._items[at] = after
                if isinstance(effect, AwaitCompletions):
                    for token in effect.tokens:
                        self._completions[token] = Completion(token, effect.rule, effect.key, effect.attempt)
            return transitions.answer(effect, before, after)

    def read(self, rule: str, key: str) -> KeyState | None:
        """Return a key's item."""
        return self._items.get((rule, key))

    def items(self, rule: str = "") -> Iterator[KeyState]:
        """Yield all items."""
        yield from [item for item in list(self._items.values()) if rule in ("", item.rule)]

    def complete(self, token: str) -> Completion | None:
        """Remove a completion from its item."""
        with self._lock:
            completion = self._completions.get(token)
            item = self._items.get((completion.rule, completion.key)) if completion else None
            after = transitions.complete(item, completion.attempt, token) if completion and item else None
            if completion is None or after is None:
                return None
            self._items[completion.rule, completion.key] = after
            return None if after.pending else completion

    def knows(self, token: str) -> bool:
        """Return whether the token was written."""
        return token in self._completions

    def set_paused(self, rule: str, key: str, *, paused: bool) -> bool:
        """Pause or resume."""
        with self._lock:
            if not key:
                (self._paused.add if paused else self._paused.discard)(rule)
                return True
            item = self._items.get((rule, key))
            if item is not None:
                self._items[rule, key] = replace(item, paused=paused)
            return item is not None

    def paused(self, rule: str) -> bool:
        """Return whether the rule is paused."""
        return rule in self._paused
