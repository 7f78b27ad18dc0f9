"""What the protocol and the service ask of a table, and the two ways to carry a conversation out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from windlass.aggregation.effects import StoreEffect
from windlass.aggregation.model import Item

__all__ = ["Completion", "KeyTable"]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a completion's name stands for: the attempt of a key that began it."""

    token: str
    rule: str
    key: str
    attempt: str


class KeyTable(Protocol):
    """Items by rule and key. Every method may raise WindlassError; then nothing is known of what was done."""

    def perform(self, effect: StoreEffect) -> Any:
        """One atomic write, answered as effects.py says."""
        ...

    def read(self, rule: str, key: str) -> Item | None:
        """A key's item."""
        ...

    def items(self, rule: str = "") -> Iterator[Item]:
        """All items, of one rule or of all."""
        ...

    def complete(self, token: str) -> Completion | None:
        """A completion was told: its attempt, if one waits for it and it was the last one waited for. None else."""
        ...

    def knows(self, token: str) -> bool:
        """Whether the completion is of an action of ours (its answer may come before it was written down)."""
        ...

    def set_paused(self, rule: str, key: str, *, paused: bool) -> bool:
        """Pause or resume a key, or with an empty key the rule; whether there is such an item."""
        ...

    def paused(self, rule: str) -> bool:
        """Whether the rule is paused."""
        ...
