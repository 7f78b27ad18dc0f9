"""How much of the question the logs that were read can answer. Pure.

A report without findings is an all-clear only when every log of the days in question was read and judged by every rule that
is asked for; everything short of that is unknown, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from windlass.clients.model import FileOutcome
from windlass.clients.rules import Rule, judgement

__all__ = ["Coverage", "FileGroup", "coverage_of"]

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGroup:
    """Files of the same outcome, days and rules (`judged` as `rules.judgement` writes them)."""

    outcome: FileOutcome
    first_day: str
    last_day: str
    judged: frozenset[str]
    files: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What was read, and what stays unknown. Days are 2026-11-20, inclusive; `unjudged` counts files by rule.

    `buckets_known` is None when no inventory says how many buckets there are.
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
        """Why an absence of findings proves nothing, a sentence each; empty when it does."""
        found: list[str] = []
        if not self.files:
            found.append("No CloudTrail log was read.")
        if self.unreadable:
            found.append(f"{_count(self.unreadable, 'log')} could not be read.")
        if self.missing_days:
            named = ", ".join(self.missing_days[:_NAMED])
            more = f" and {len(self.missing_days) - _NAMED:,} more" if len(self.missing_days) > _NAMED else ""
            found.append(f"{_count(len(self.missing_days), 'day')} without a log: {named}{more}.")
        found += [
            f"{_count(files, 'log')} never judged by the rule {rule}: scan again with --rules {rule}."
            for rule, files in self.unjudged.items()
        ]
        return tuple(found)

    @property
    def complete(self) -> bool:
        """Whether an absence of findings is an all-clear for the days covered."""
        return not self.gaps

    @property
    def text(self) -> str:
        """One line: what was read, and of which buckets."""
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
    """The coverage of the days from `since_day` (else from the first day that was read) on, for these rules.

    With `since_day` the days are expected up to yesterday, as CloudTrail delivers late; without, up to the last day read.
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
    wanted = sorted(day for day in covered if day >= since_day)
    first = since_day or (wanted[0] if wanted else "")
    last = max((today - timedelta(days=1)).isoformat() if since_day else "", wanted[-1] if wanted else "")
    return Coverage(
        first_day=wanted[0] if wanted else "",
        last_day=wanted[-1] if wanted else "",
        files=files,
        records=records,
        days=len(wanted),
        missing_days=tuple(day for day in _days(first, last) if day not in covered) if files else (),
        unreadable=unreadable,
        other_kind=other_kind,
        unjudged={name: number for name, number in unjudged.items() if number},
        buckets_seen=buckets_seen,
        buckets_known=buckets_known,
    )


def _days(first: str, last: str) -> list[str]:
    """Every day from the first to the last; none unless both are days."""
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return []
    return [(start + timedelta(days=number)).isoformat() for number in range(max((end - start).days + 1, 0))]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
