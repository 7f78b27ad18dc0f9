"""What could not be copied, by reason: how many, what was said, and some of the keys; memory does not grow with them."""

from __future__ import annotations

from collections import Counter

from windlass.replication.model import Trouble

__all__ = ["Failures"]

_EXAMPLES = 5


class Failures:
    """Failures told one by one."""

    def __init__(self) -> None:
        self._codes: Counter[str] = Counter()
        self._said: dict[str, tuple[str, list[str]]] = {}

    def __len__(self) -> int:
        return self._codes.total()

    def add(self, key: str, code: str, message: str) -> None:
        """One object that could not be copied."""
        self._codes[code] += 1
        keys = self._said.setdefault(code, (message, []))[1]
        if len(keys) < _EXAMPLES:
            keys.append(key)

    def troubles(self) -> tuple[Trouble, ...]:
        """By reason, the most frequent first."""
        return tuple(
            Trouble(code=code, count=number, message=self._said[code][0], keys=tuple(self._said[code][1]))
            for code, number in self._codes.most_common()
        )
