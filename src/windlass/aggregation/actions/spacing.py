"""The minimum time between two uses of a resource, kept in the rule's table for all workers and functions.

Storage Gateway evicts nothing for a refresh within 60 seconds of another of the same share (API reference of RefreshCache),
and reports it as completed: its events would count as covered while the listing stays stale.
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
"""The rule name under which resources are stored: no rule can have it."""
MARGIN_S = 5.0
"""A use begins within this time of its reservation, or not at all. Clocks of two processes must differ by less."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """The reservations of one action run. WindlassError when the table cannot be reached: then no resource may be used."""

    table: KeyTable
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    holder: str = field(default_factory=lambda: new_id("use"))

    def reserve(self, names: Iterable[str], spacing_s: float) -> float:
        """Reserve all resources or none. Return 0 when reserved, else the seconds until the first busy one is free."""
        reserved: list[str] = []
        for name in names:
            wait_s = self._set(name, spacing_s + 2 * MARGIN_S)
            if wait_s > 0:
                for reserved_name in reserved:
                    self.release(reserved_name)
                return wait_s
            reserved.append(name)
        return 0.0

    def used(self, name: str, spacing_s: float) -> None:
        """Count the spacing from now, after the use began."""
        self._set(name, spacing_s + MARGIN_S)

    def release(self, name: str) -> None:
        """Release a reserved resource that was not used."""
        self._set(name, 0.0)

    def _set(self, name: str, for_s: float) -> float:
        now = self.now()
        wait_s: float = self.table.perform(ReserveResource(SHARED, name, self.holder, now, now + for_s))
        return wait_s
