"""Relative times. Show the exact time next to one (a tooltip, a JSON field)."""

from __future__ import annotations

from datetime import datetime

__all__ = ["ago"]

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
