"""Time between two uses of a resource, kept in the rule's table: every worker and every function sees it.

Storage Gateway evicts nothing for a refresh that follows another of the same share within 60 seconds (API reference of
RefreshCache), and reports it as completed: what such a refresh was for would count as covered and stay stale.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from windlass.aggregation.effects import ReserveResource
from windlass.aggregation.tables.base import KeyTable
from windlass.core.ids import new_id

__all__ = ["MARGIN_S", "SHARED", "Spacing"]

SHARED = "~shared"
"""The rule name of resources' items: no rule can have it."""
MARGIN_S = 5.0
"""A use begins within this time of its reservation, or not at all; clocks of two processes differ by less."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """The reservations of one action run. WindlassError when the table can't be reached: then nothing may be used."""

    table: KeyTable
    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    holder: str = field(default_factory=lambda: new_id("use"))

    def reserve(self, names: Iterable[str], spacing_s: float) -> float:
        """Take all resources, or none: 0 when they are taken, else the seconds to wait for the first that is not free."""
        taken: list[str] = []
        for name in names:
            wait_s = self._set(name, spacing_s + 2 * MARGIN_S)
            if wait_s > 0:
                for other in taken:
                    self.release(other)
                return wait_s
            taken.append(name)
        return 0.0

    def used(self, name: str, spacing_s: float) -> None:
        """Count the time from now: the use has begun by now, at whatever moment that was."""
        self._set(name, spacing_s + MARGIN_S)

    def release(self, name: str) -> None:
        """Give a resource back that was not used."""
        self._set(name, 0.0)

    def _set(self, name: str, for_s: float) -> float:
        now = self.now()
        wait_s: float = self.table.perform(ReserveResource(SHARED, name, self.holder, now, now + for_s))
        return wait_s
