"""The next time of a scheduled rule: EventBridge's rate and cron expressions. Pure; all times are UTC.

Source: EventBridge User Guide, "Setting a schedule pattern for scheduled rules". The wildcards L, W and # are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

__all__ = ["next_fire"]

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((.+)\)")
_PART = re.compile(r"(?:(\*|\w+)(?:-(\w+))?)(?:/(\d+))?")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_FAR_DAYS = 366 * 5
_NO_NAMES: Mapping[str, int] = {}


def next_fire(expression: str, after: datetime) -> datetime | None:
    """Return the first time after `after` (aware); None when there is none or the expression is not understood.

    A rate counts from `after`: the rule's creation, then each time that it fired.
    """
    rate = _RATE.fullmatch(expression)
    if rate:
        return after + timedelta(seconds=int(rate[1]) * _SECONDS[rate[2]])
    cron = _CRON.fullmatch(expression)
    fields = cron[1].split() if cron else []
    if len(fields) != 6:
        return None
    try:
        minutes = _numbers(fields[0], 0, 59, _NO_NAMES)
        hours = _numbers(fields[1], 0, 23, _NO_NAMES)
        days = _numbers(fields[2], 1, 31, _NO_NAMES)
        months = _numbers(fields[3], 1, 12, _MONTHS)
        weekdays = _numbers(fields[4], 1, 7, _DAYS)
        years = _numbers(fields[5], 1970, 2199, _NO_NAMES)
    except ValueError:
        return None
    start = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for ahead in range(_FAR_DAYS):
        day = start + timedelta(days=ahead)
        weekday = day.isoweekday() % 7 + 1  # Sunday is 1
        if not (day.year in years and day.month in months and day.day in days and weekday in weekdays):
            continue
        times = (day.replace(hour=hour, minute=minute) for hour in sorted(hours) for minute in sorted(minutes))
        result = next((time for time in times if time >= start), None)
        if result is not None:
            return result
    return None


def _numbers(field: str, low: int, high: int, names: Mapping[str, int]) -> frozenset[int]:
    """Return the values that a field means. ValueError for an invalid one."""
    if field == "?":
        return frozenset(range(low, high + 1))
    result: set[int] = set()
    for part in field.split(","):
        reply = _PART.fullmatch(part.upper())
        if reply is None:
            raise ValueError(part)
        first, last, step = reply[1], reply[2], int(reply[3] or 1)
        start = low if first == "*" else _number(first, names)
        end = _number(last, names) if last else (high if first == "*" or reply[3] else start)
        if not (low <= start <= end <= high) or step < 1:
            raise ValueError(part)
        result.update(range(start, end + 1, step))
    return frozenset(result)


def _number(text: str, names: Mapping[str, int]) -> int:
    return names[text] if text in names else int(text)
