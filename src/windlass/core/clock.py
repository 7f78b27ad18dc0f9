"""Time is aware UTC; "now" is a parameter everywhere except at the edge, where it is `now()`.

Stored form: ISO 8601 with microseconds and `Z`, fixed width, so that text order is time order in every database.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from windlass.core.errors import UsageError
from windlass.core.units import parse_duration_s

__all__ = ["format_time", "later", "now", "parse_time", "parse_when"]

_AGO = re.compile(r"^\d+(\.\d+)?(ms|s|m|h|d|w)$")


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """Format as `2026-11-20T08:00:00.000000Z`. ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Parse what `format_time` wrote, or any ISO 8601 time; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the calendar") from None


def parse_when(text: str, *, at: datetime) -> datetime:
    """Parse a time as people type it: `now`, `2h` or `7d` (ago), `yesterday`, `2026-11-20`, `2026-11-20T08:00Z`.

    UsageError for anything else, and for a time before year 1 or after year 9999.
    """
    word = text.strip().lower()
    if word == "now":
        return at
    if word == "yesterday":
        return at - timedelta(days=1)
    if _AGO.match(word):
        return later(at, -parse_duration_s(word))
    try:
        return parse_time(text.strip())
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time",
            hint="Write a duration before now (30m, 2h, 7d), a date (2026-11-20) or an ISO time (2026-11-20T08:00Z).",
        ) from None


def later(moment: datetime, seconds: float) -> datetime:
    """Return `moment` plus `seconds`, which may be negative. UsageError outside the years 1 to 9999."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        way = "ago" if seconds < 0 else "from now"
        raise UsageError(
            f"{abs(seconds):.4g} seconds {way} is outside the calendar",
            hint="Write a shorter duration, such as 30m, 2h or 7d.",
        ) from None
