"""Items in memory: for `simulate` and for tests. It is what the other tables are measured against."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from windlass.aggregation.effects import AwaitCompletions, StoreEffect
from windlass.aggregation.model import Item
from windlass.aggregation.tables import transitions
from windlass.aggregation.tables.base import Completion

__all__ = ["MemoryTable"]


class MemoryTable:
    """A dictionary of items; each write under one lock."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}
        self._completions: dict[str, Completion] = {}
        self._paused: set[str] = set()
        self._lock = threading.Lock()

    def perform(self, effect: StoreEffect) -> Any:
        """One write."""
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

    def read(self, rule: str, key: str) -> Item | None:
        """A key's item."""
        return self._items.get((rule, key))

    def items(self, rule: str = "") -> Iterator[Item]:
        """All items."""
        yield from [one for one in list(self._items.values()) if rule in ("", one.rule)]

    def complete(self, token: str) -> Completion | None:
        """Take one completion off its item."""
        with self._lock:
            known = self._completions.get(token)
            found = self._items.get((known.rule, known.key)) if known else None
            after = transitions.complete(found, known.attempt, token) if known and found else None
            if known is None or after is None:
                return None
            self._items[known.rule, known.key] = after
            return None if after.pending else known

    def knows(self, token: str) -> bool:
        """Whether it was written down."""
        return token in self._completions

    def set_paused(self, rule: str, key: str, *, paused: bool) -> bool:
        """Pause or resume."""
        with self._lock:
            if not key:
                (self._paused.add if paused else self._paused.discard)(rule)
                return True
            found = self._items.get((rule, key))
            if found is not None:
                self._items[rule, key] = replace(found, paused=paused)
            return found is not None

    def paused(self, rule: str) -> bool:
        """Whether the rule is paused."""
        return rule in self._paused
