"""The interface of a table, as the protocol and the service use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from windlass.aggregation.effects import StoreEffect
from windlass.aggregation.model import KeyState

__all__ = ["Completion", "KeyTable"]


@dataclass(frozen=True, slots=True)
class Completion:
    """The rule, key and attempt to which a completion token belongs."""

    token: str
    rule: str
    key: str
    attempt: str


class KeyTable(Protocol):
    """Items by rule and key. Every method may raise WindlassError; whether a write was made is then unknown."""

    def perform(self, effect: StoreEffect) -> Any:
        """Perform one atomic write; effects.py describes each result."""
        ...

    def read(self, rule: str, key: str) -> KeyState | None:
        """Return a key's item; None when it does not exist."""
        ...

    def items(self, rule: str = "") -> Iterator[KeyState]:
        """Yield all items, of one rule or of all."""
        ...

    def complete(self, token: str) -> Completion | None:
        """Record a completion. Return its attempt when it was the last one that the attempt waited for, else None."""
        ...

    def knows(self, token: str) -> bool:
        """Return whether the token is of one of our actions (a completion may arrive before its token is written)."""
        ...

    def set_paused(self, rule: str, key: str, *, paused: bool) -> bool:
        """Pause or resume a key, or with an empty key the rule. Return whether the item exists."""
        ...

    def paused(self, rule: str) -> bool:
        """Return whether the rule is paused."""
        ...
