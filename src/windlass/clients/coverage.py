"""The coverage of a report: the logs that were read, and the gaps. Pure.

A report without findings is an all-clear only when every log of its days was read and judged by all of its rules. Otherwise
the result is unknown, and the report lists the gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from windlass.clients.model import FileOutcome
from windlass.clients.rules import Rule, judgement

__all__ = ["Coverage", "FileGroup", "coverage_of"]

_MAX_DAYS_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGroup:
    """Files of the same outcome, days and rules (`judged` in the form of `rules.judgement`)."""

    outcome: FileOutcome
    first_day: str
    last_day: str
    judged: frozenset[str]
    files: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The logs that were read, and the gaps. Days are 2026-11-20, inclusive; `unjudged` counts files by rule.

    `buckets_known` is None without an inventory of buckets.
    """

    first_day: str
    last_day: str
    files: int
    records: int
    days: int
    missing_days: tuple[str, ...]
    unreadable: int
    other_kind: int
    unjudged: Mapping[str, int]
    buckets_seen: int
    buckets_known: int | None

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return why the absence of findings is not an all-clear, one sentence each; empty when it is one."""
        gaps: list[str] = []
        if not self.files:
            gaps.append("No CloudTrail log was read.")
        if self.unreadable:
            gaps.append(f"{_count(self.unreadable, 'log')} could not be read.")
        if self.missing_days:
            named = ", ".join(self.missing_days[:_MAX_DAYS_NAMED])
            more = (
                f" and {len(self.missing_days) - _MAX_DAYS_NAMED:,} more"
                if len(self.missing_days) > _MAX_DAYS_NAMED
                else ""
            )
            gaps.append(f"{_count(len(self.missing_days), 'day')} without a log: {named}{more}.")
        gaps += [
            f"{_count(files, 'log')} were not judged by the rule {rule}: scan again with --rules {rule}."
            for rule, files in self.unjudged.items()
        ]
        return tuple(gaps)

    @property
    def complete(self) -> bool:
        """True when an absence of findings is an all-clear for the covered days."""
        return not self.gaps

    @property
    def text(self) -> str:
        """The logs, days and buckets that were read, in one line."""
        days = f"{self.first_day} to {self.last_day}" if self.first_day else "no day"
        known = f" of {self.buckets_known:,}" if self.buckets_known is not None else ""
        other = f", {_count(self.other_kind, 'file')} of another kind" if self.other_kind else ""
        return (
            f"{_count(self.files, 'log')} of {days} with {_count(self.records, 'record')}{other};"
            f" data events of {self.buckets_seen:,}{known} buckets"
        )


def coverage_of(
    groups: Iterable[FileGroup],
    rules: Sequence[Rule],
    *,
    since_day: str = "",
    today: date,
    buckets_seen: int,
    buckets_known: int | None,
) -> Coverage:
    """Return the coverage, for these rules, of the days from `since_day` (default: the first day that was read).

    With `since_day` every day up to yesterday is expected, because CloudTrail delivers late; without it, every day up to the
    last day that was read.
    """
    judged = {rule.name: next(iter(judgement([rule]))) for rule in rules}
    files = records = unreadable = other_kind = 0
    covered: set[str] = set()
    unjudged = dict.fromkeys(judged, 0)
    for group in groups:
        if since_day and group.last_day and group.last_day < since_day:
            continue
        if group.outcome is FileOutcome.OTHER_KIND:
            other_kind += group.files
        elif group.outcome is FileOutcome.UNREADABLE:
            unreadable += group.files
        else:
            files, records = files + group.files, records + group.records
            covered |= set(_days(group.first_day, group.last_day))
            for name, version in judged.items():
                unjudged[name] += 0 if version in group.judged else group.files
    read_days = sorted(day for day in covered if day >= since_day)
    first = since_day or (read_days[0] if read_days else "")
    last = max((today - timedelta(days=1)).isoformat() if since_day else "", read_days[-1] if read_days else "")
    return Coverage(
        first_day=read_days[0] if read_days else "",
        last_day=read_days[-1] if read_days else "",
        files=files,
        records=records,
        days=len(read_days),
        missing_days=tuple(day for day in _days(first, last) if day not in covered) if files else (),
        unreadable=unreadable,
        other_kind=other_kind,
        unjudged={name: number for name, number in unjudged.items() if number},
        buckets_seen=buckets_seen,
        buckets_known=buckets_known,
    )


def _days(first: str, last: str) -> list[str]:
    """Return every day from the first to the last; none when either is not a day."""
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return []
    return [(start + timedelta(days=number)).isoformat() for number in range(max((end - start).days + 1, 0))]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
