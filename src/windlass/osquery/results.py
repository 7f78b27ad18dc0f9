"""Results of a node's queries as reports of facts: what to record, and each query's new position. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from windlass.facts.model import HostIdentity, Report, Section, SectionDelta
from windlass.osquery.messages import LogBatch, ResultLine
from windlass.osquery.model import Row
from windlass.osquery.pack import PackQuery, find_query, section_rows
from windlass.osquery.sequence import Difference, FullSet, Position, advance, is_settled, joined_runs

__all__ = ["SOURCE", "LogContext", "LogOutcome", "apply_log", "snapshot_section"]

SOURCE = "osquery"
_NO_RUN = -1
"""The epoch of a position that only holds rows of an incomplete run."""
_NOTHING_READ = Position(_NO_RUN, 0, 0, is_known=False)
_SAME_REPORT_S = 30.0
"""Sections read within this time are one report, at the first one's time: one transaction. Queries run at most each minute."""


@dataclass(frozen=True, slots=True)
class LogContext:
    """The host of the results, the schedule epoch that the server assigned, and the time."""

    host: HostIdentity
    assigned_epoch: int
    now: datetime


@dataclass(slots=True)
class LogOutcome:
    """The outcome of a log request. `counts` are results by outcome, for the metric."""

    reports: list[Report] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    needs_epoch: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        """Add one result with this outcome."""
        self.counts[outcome] = self.counts.get(outcome, 0) + 1


def apply_log(batch: LogBatch, context: LogContext, positions: Mapping[str, Position]) -> LogOutcome:
    """Return the outcome of a batch of results, given the positions of the node's queries, by the pack's names."""
    outcome = LogOutcome()
    lines: dict[str, list[ResultLine]] = {}
    for line in batch.lines:
        query = find_query(line.query)
        if query is None:
            outcome.count("ignored")  # users' own queries are for other readers
        elif line.is_snapshot:
            outcome.count("snapshot")
            outcome.reports.append(_report(context, line, snapshot_section(query, line.rows)))
        else:
            lines.setdefault(query.name, []).append(line)
    latest = max((line.unix_time for line in batch.lines), default=0)
    for name in lines.keys() | positions.keys():
        query = find_query(name)
        if query is not None:
            position = positions.get(name)
            runs, pending = joined_runs(lines.get(name, ()), position.pending if position else None)
            if pending is not None and is_settled(pending, latest):
                runs.append(pending)
                pending = None
            if position is not None and position.epoch == _NO_RUN:
                position = None
            position = _apply_runs(outcome, context, query, runs, position) or (_NOTHING_READ if pending else None)
            if position is not None:
                outcome.positions[query.name] = replace(position, pending=pending)
    for _ in range(batch.malformed):
        outcome.count("malformed")
    outcome.reports = _merged(outcome.reports)
    return outcome


def _apply_runs(
    outcome: LogOutcome, context: LogContext, query: PackQuery, runs: Iterable[ResultLine], position: Position | None
) -> Position | None:
    """Apply complete runs of a differential query; return its new position. None when it has none yet."""
    for run in runs:
        step = advance(position, run, assigned_epoch=context.assigned_epoch)
        position = step.position
        outcome.needs_epoch |= step.needs_epoch
        match step.content:
            case FullSet(rows):
                outcome.count("full")
                section: Section | SectionDelta = snapshot_section(query, rows)
            case Difference(added, removed):
                outcome.count("difference")
                section = SectionDelta(query.section, section_rows(added, query), section_rows(removed, query))
            case None:
                outcome.count("repeated" if position.is_known else "unusable")
                continue
            case gap:
                outcome.count("gap")
                section = Section(query.section, failure=gap.reason)
        outcome.reports.append(_report(context, run, section))
    return position


def snapshot_section(query: PackQuery, rows: Iterable[Row]) -> Section:
    """Return the section of a complete result. Without rows where every host has some, the section is unknown."""
    kept = section_rows(rows, query)
    if not kept and not query.may_be_empty:
        return Section(query.section, failure="osquery returned no rows")
    return Section(query.section, kept)


def _merged(reports: Iterable[Report]) -> list[Report]:
    """Return reports of one host in the order of their times, those of nearly the same time as one."""
    merged: list[Report] = []
    for report in sorted(reports, key=lambda report: report.observed_at):
        last = merged[-1] if merged else None
        if last is not None and _is_one_report(last, report):
            merged[-1] = replace(last, sections=last.sections + report.sections)
        else:
            merged.append(report)
    return merged


def _is_one_report(first: Report, second: Report) -> bool:
    names = {section.name for section in first.sections}
    is_near = (second.observed_at - first.observed_at).total_seconds() <= _SAME_REPORT_S
    return is_near and names.isdisjoint(section.name for section in second.sections)


def _report(context: LogContext, line: ResultLine, section: Section | SectionDelta) -> Report:
    """Return a report at the time of the run; a host whose clock is ahead cannot report the future."""
    try:
        ran_at = datetime.fromtimestamp(line.unix_time, UTC)
    except (OverflowError, ValueError, OSError):
        ran_at = context.now
    return Report(host=context.host, observed_at=min(ran_at, context.now), source=SOURCE, sections=(section,))
