"""The timeline of a key: one row per window with what it covered, when it ran, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from windlass.aggregation.effects import (
    ActionCompleted,
    ActionFailed,
    ActionOutcome,
    ActionPostponed,
    ActionStarted,
    ActionTooLate,
)
from windlass.aggregation.model import Summary
from windlass.core.clock import parse_time

__all__ = ["Window"]

_NAMES = {
    ActionCompleted: "done",
    ActionStarted: "started",
    ActionPostponed: "postponed",
    ActionFailed: "failed",
    ActionTooLate: "abandoned",
}


@dataclass(frozen=True, slots=True)
class Window:
    """One attempt at an action: what it covers, when it ran, and its outcome (`running` until it ended)."""

    rule: str
    key: str
    attempt: str
    summary: Summary
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = "running"
    reason: str = ""

    def ended(self, outcome: ActionOutcome, at: datetime) -> Window:
        """Return the window with its outcome."""
        return replace(self, ended_at=at, outcome=_NAMES[type(outcome)], reason=getattr(outcome, "reason", "")[:500])

    @property
    def waited_s(self) -> float | None:
        """Return seconds from the first event (S3's clock) to the action's start (this machine's); None when unknown."""
        if not self.summary.first_at:
            return None
        return max(0.0, (self.started_at - parse_time(self.summary.first_at)).total_seconds())
