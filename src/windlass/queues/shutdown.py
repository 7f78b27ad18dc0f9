"""The stages of a graceful shutdown: a pure state machine.

Running handlers get `drain_s` to end, then are cancelled, then are abandoned; the last calls get `flush_s` after that.
"""

from __future__ import annotations

import math
from enum import IntEnum

from windlass.queues.model import Limits

__all__ = ["Shutdown", "Stage"]

_CANCEL_GRACE_S = 1.0


class Stage(IntEnum):
    """The stage of a shutdown."""

    NOT_STARTED = 0
    DRAINING = 1
    """Handlers may end by themselves."""
    CANCELLED = 2
    """Running handlers were cancelled."""
    ABANDONED = 3
    """Messages of handlers that still run return to the queue."""


class Shutdown:
    """The shutdown of one consumer."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.stage = Stage.NOT_STARTED
        self.deadline = math.inf
        """When the current stage ends."""

    def start(self, now: float) -> None:
        """Start to drain. Idempotent: later calls do not move the deadline."""
        if self.stage is Stage.NOT_STARTED:
            self.stage, self.deadline = Stage.DRAINING, now + self._limits.drain_s

    def advance(self, now: float) -> Stage | None:
        """Enter the next stage when its time has come, and return it; else None."""
        if now < self.deadline or self.stage is Stage.ABANDONED:
            return None
        if self.stage is Stage.DRAINING:
            self.stage, self.deadline = Stage.CANCELLED, now + _CANCEL_GRACE_S
        else:
            self.stage, self.deadline = Stage.ABANDONED, now + self._limits.flush_s
        return self.stage

    def over(self, now: float) -> bool:
        """True when the time for the last calls is over."""
        return self.stage is Stage.ABANDONED and now >= self.deadline
