"""Failures of copies by code: count, message and some keys. Memory does not grow with their number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from windlass.core.errors import AccessDenied, WindlassError
from windlass.replication.model import FailureGroup

__all__ = ["MOST_REFUSALS", "Failures", "Refusals", "is_refusal", "stopped_by"]

T = TypeVar("T")
_EXAMPLES = 5
MOST_REFUSALS = 500
"""After this many consecutive refusals the seed stops: a permission or a key is missing, not single objects."""


class Failures:
    """Failures, counted by code, with some keys of each."""

    def __init__(self) -> None:
        self._codes: Counter[str] = Counter()
        self._said: dict[str, tuple[str, list[str]]] = {}

    def __len__(self) -> int:
        return self._codes.total()

    def add(self, key: str, code: str, message: str) -> None:
        """Add one object that could not be copied."""
        self._codes[code] += 1
        keys = self._said.setdefault(code, (message, []))[1]
        if len(keys) < _EXAMPLES:
            keys.append(key)

    def groups(self) -> tuple[FailureGroup, ...]:
        """Return the failures by code, the most frequent first."""
        return tuple(
            FailureGroup(code=code, count=number, message=self._said[code][0], keys=tuple(self._said[code][1]))
            for code, number in self._codes.most_common()
        )


@dataclass(slots=True)
class Refusals(Generic[T]):
    """What was refused since the last success. It is held back: when the seed stops for it, a resumed seed tries it again."""

    held: list[T] = field(default_factory=list)
    in_a_row: int = 0

    def add(self, item: T) -> bool:
        """Hold one more; whether the seed is to stop."""
        self.held.append(item)
        self.in_a_row += 1
        return self.in_a_row >= MOST_REFUSALS

    def release(self, *, success: bool) -> list[T]:
        """Return what was held: it failed by itself. `success`: a request succeeded, and counting begins anew."""
        held, self.held = self.held, []
        if success:
            self.in_a_row = 0
        return held


def is_refusal(error: WindlassError) -> bool:
    """True for an error that is about who asks or with which key, and rarely about one object."""
    return isinstance(error, AccessDenied) or error.code.startswith(("KMS.", "Kms"))


def stopped_by(error: WindlassError, refused: int) -> WindlassError:
    """Return the error that ends a seed of which everything is refused."""
    return AccessDenied(
        f"{refused:,} consecutive objects were refused, the last with: {error.message}",
        hint=f"{error.hint} `windlass replicate preflight` shows what is missing; then `windlass replicate resume` continues.".strip(),
        code=error.code,
    )
