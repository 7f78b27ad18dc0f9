"""Relative times, and times of expiry as people write them. Show the exact time next to a relative one."""

from __future__ import annotations

from datetime import datetime

from windlass.core import clock
from windlass.core.errors import UsageError
from windlass.core.units import parse_duration_s

__all__ = ["ago", "expiry_of"]

_STEPS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "m"))


def ago(moment: datetime | None, now: datetime) -> str:
    """`just now`, `3 m ago`, `2 h ago`, `5 d ago`, `in 4 m`; empty for None."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    for size, unit in _STEPS:
        if abs(seconds) >= size:
            count = f"{abs(seconds) // size:.0f} {unit}"
            return f"{count} ago" if seconds > 0 else f"in {count}"
    if abs(seconds) < 5:
        return "just now"
    return f"{seconds:.0f} s ago" if seconds > 0 else f"in {-seconds:.0f} s"


def expiry_of(text: str, now: datetime) -> datetime | None:
    """Read `--expires`: a lifetime, or `never` (None). UsageError for zero, and past the end of the calendar."""
    if text.strip().lower() == "never":
        return None
    seconds = parse_duration_s(text)
    if seconds <= 0:
        raise UsageError(f"nothing expires after {text!r}", hint="Write 24h, 90d, 52w or `never`.")
    return clock.later(now, seconds)
