"""A clock that moves only when a test advances it."""

from __future__ import annotations

__all__ = ["FakeClock"]


class FakeClock:
    """Seconds since the epoch that a test moves. It never goes back."""

    def __init__(self, now_s: float = 1_767_225_600.0) -> None:
        """Start at `now_s`; by default at 2026-01-01T00:00:00Z."""
        self.now_s = now_s

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`. ValueError when that is negative."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back by {-seconds:g} s")
        self.now_s += seconds
