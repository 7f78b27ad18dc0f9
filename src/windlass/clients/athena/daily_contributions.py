"""Athena's result as one contribution per day, so that a repeated query replaces a day in the totals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from windlass.clients.athena.client import QueryResult
from windlass.clients.contribution import Contribution
from windlass.clients.model import ClientUse, FileRead, RequestCount
from windlass.clients.owners import Directory, attribute_group
from windlass.clients.rules import judgement, named
from windlass.clients.scan.aggregator import CountKey

__all__ = ["ATHENA_PREFIX", "attributed", "day_contributions"]

ATHENA_PREFIX = "athena:"
"""The prefix of the names of days that Athena read; files that scans read have no such prefix."""


def attributed(response: QueryResult, directory: Directory) -> tuple[list[ClientUse], set[str]]:
    """Return the uses with their holders, and the addresses whose holder changed within a day; their uses are left out."""
    changed: set[str] = set()
    uses: list[ClientUse] = []
    for key, requests, first, last in response.uses():
        use = attribute_group(key, requests, first, last, directory)
        if use is None:
            changed.add(key.ip)
        else:
            uses.append(use)
    return [use for use in uses if use.key.ip not in changed], changed


def day_contributions(
    location: str,
    rules: Sequence[str],
    uses: Iterable[ClientUse],
    counts: Iterable[RequestCount],
    *,
    first_day: str,
    last_day: str,
) -> list[Contribution]:
    """Return a contribution for every day from the first to the last, days without requests included."""
    start, end = date.fromisoformat(first_day), date.fromisoformat(last_day)
    days = [(start + timedelta(days=number)).isoformat() for number in range((end - start).days + 1)]
    of_day: dict[str, list[ClientUse]] = {day: [] for day in days}
    counted: dict[str, dict[CountKey, int]] = {day: {} for day in days}
    for use in uses:
        of_day[use.day].append(use)
    for count in counts:
        key = (count.agent, count.signature, count.tls, count.day, count.exclusion)
        counted[count.day][key] = counted[count.day].get(key, 0) + count.requests
    judged = " ".join(sorted(judgement(named(rules))))
    return [
        Contribution(
            FileRead(
                name=f"{ATHENA_PREFIX}{location}:{day}",
                source=location,
                identity="",
                size_bytes=0,
                records=sum(counted[day].values()),
                requests=sum(counted[day].values()),
                judged=judged,
                first_day=day,
                last_day=day,
            ),
            tuple(of_day[day]),
            counted[day],
        )
        for day in days
    ]
