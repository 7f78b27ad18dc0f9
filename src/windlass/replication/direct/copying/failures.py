"""Failures of copies by code: count, message and some keys. Memory does not grow with the number of failures."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from windlass.core.errors import AccessDenied, WindlassError
from windlass.replication.model import FailureGroup

__all__ = ["MOST_REFUSALS", "Failures", "Refusals", "is_refusal", "stopped_by"]

T = TypeVar("T")
_EXAMPLES = 5
MOST_REFUSALS = 500
"""After this many consecutive refusals the seed stops: a permission or an encryption key is missing for all objects."""


class Failures:
    """Failures, counted by code, with some keys of each."""

    def __init__(self) -> None:
        self._codes: Counter[str] = Counter()
        self._examples: dict[str, tuple[str, list[str]]] = {}

    def __len__(self) -> int:
        return self._codes.total()

    def add(self, key: str, code: str, message: str) -> None:
        """Add one object that could not be copied."""
        self._codes[code] += 1
        keys = self._examples.setdefault(code, (message, []))[1]
        if len(keys) < _EXAMPLES:
            keys.append(key)

    def groups(self) -> tuple[FailureGroup, ...]:
        """Return the failures by code, the most frequent first."""
        return tuple(
            FailureGroup(code=code, count=number, message=self._examples[code][0], keys=tuple(self._examples[code][1]))
            for code, number in self._codes.most_common()
        )


@dataclass(slots=True)
class Refusals(Generic[T]):
    """The refusals that may concern all objects. They are held back: if the seed stops because of them, a resumed seed
    copies them again.

    A success shows that a refusal concerned its object alone, but only if its request was sent after the refusal. After a
    refusal up to `in_flight` requests that were sent before it may still succeed, so they show nothing.
    """

    in_flight: int = MOST_REFUSALS
    in_a_row: int = 0
    _successes: int = 0
    _held: deque[tuple[int, T]] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self._held)

    def __bool__(self) -> bool:
        """True while a success must be recorded."""
        return self.in_a_row > 0 or len(self._held) > 0

    def add(self, item: T) -> bool:
        """Hold one more refusal. True when the seed must stop."""
        self._held.append((self._successes, item))
        self.in_a_row += 1
        return self.in_a_row >= MOST_REFUSALS

    def succeeded(self) -> list[T]:
        """Record a success, and return the refusals that it shows to be failures of single objects."""
        self.in_a_row = 0
        self._successes += 1
        failures = []
        while self._held and self._successes - self._held[0][0] > self.in_flight:
            failures.append(self._held.popleft()[1])
        return failures

    def release(self) -> list[T]:
        """Return all held refusals, which are failures of single objects: no other object is left that could be refused."""
        failures = [item for _, item in self._held]
        self._held.clear()
        return failures


def is_refusal(error: WindlassError) -> bool:
    """True for an error about the caller or the encryption key, which rarely concerns one object only."""
    return isinstance(error, AccessDenied) or error.code.startswith(("KMS.", "Kms"))


def stopped_by(error: WindlassError, refused: int) -> WindlassError:
    """Return the error that ends a seed when every object is refused."""
    return AccessDenied(
        f"{refused:,} consecutive objects were refused, the last with: {error.message}",
        hint=f"{error.hint} `windlass replicate preflight` shows what is missing; then `windlass replicate resume` continues.".strip(),
        code=error.code,
    )
