"""A run of all checks over the inventory: judge what changed, and keep the findings.

One transaction per type: findings of a type are complete, or as they were. What nothing changed is not judged again; its
findings stay.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from windlass.checks.account_checks import judge_accounts
from windlass.checks.due import DueType, Judged, find_due, remember
from windlass.checks.evaluation import CompiledCheck, Evaluator
from windlass.checks.history import Beginning, actors_of, beginning_of
from windlass.checks.model import Check, Status
from windlass.checks.sql_checks import failing_ids, write_sql_findings
from windlass.checks.store_index import StoreIndex
from windlass.checks.subjects import COMPLETE, subject_of, subject_rows
from windlass.checks.tables import check_finding, check_run, judged_resource
from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time
from windlass.inventory.conditions import id_list
from windlass.inventory.tables import resource, scope
from windlass.store.engine import Store

__all__ = ["RunSummary", "run_checks"]

_TARGETS = frozenset({"gone_targets", "gone_records"})
_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class RunSummary:
    """What a run did: resources that checks judge, those judged in this run, and findings by (severity, status)."""

    ran_at: datetime
    resources: int = 0
    judged: int = 0
    duration_s: float = 0.0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    unread_scopes: int = 0
    """Scopes of judged types whose last listing was not complete: their resources were not judged."""


def run_checks(store: Store, checks: Sequence[Check], *, now: datetime) -> RunSummary:
    """Judge the estate and write the findings. ConfigError for a check with a mistake."""
    started_s, summary, index = time.perf_counter(), RunSummary(now), StoreIndex()
    evaluator = Evaluator(checks, lambda: now, index)
    with store.read() as connection, index.reading(connection):
        due = find_due(connection, evaluator, index, now)
    summary.resources = due.resources
    for kind in evaluator.types:
        with store.write() as connection, index.reading(connection):
            if kind in due.types:
                summary.judged += _judge_type(connection, due.types[kind], now)
            judge_accounts(connection, evaluator, kind, now)
    for check in checks:
        if check.sql:
            ids = failing_ids(store, check)
            with store.write() as connection:
                write_sql_findings(connection, check, ids, format_time(now))
    with store.write() as connection:
        _forget(connection, checks)
        _record(connection, checks, evaluator, summary, started_s)
    return summary


def _record(
    connection: Connection, checks: Sequence[Check], evaluator: Evaluator, summary: RunSummary, started_s: float
) -> None:
    severities = {check.id: check.severity.label for check in checks}
    for row in connection.execute(select(check_finding.c.check_id, check_finding.c.status)):
        summary.counts[severities[row.check_id], row.status] += 1
    summary.unread_scopes = _unread_scopes(connection, evaluator.types)
    summary.duration_s = time.perf_counter() - started_s
    counts = {f"{severity} {status}": number for (severity, status), number in summary.counts.items()}
    connection.execute(
        check_run.insert().values(
            ran_at=format_time(summary.ran_at),
            duration_s=summary.duration_s,
            resources=summary.resources,
            judged=summary.judged,
            counts=canonical_json(counts),
        )
    )


def _judge_type(connection: Connection, due: DueType, now: datetime) -> int:
    """Judge what is due of a type, and replace the findings. Return the number of resources that were judged."""
    judged = 0
    for rows in subject_rows(connection, due.row_ids):
        before = _findings_of(connection, due, [row.id for row in rows])
        due.actors = actors_of(connection, [row.revision_id for row in rows])
        after: list[dict[str, Any]] = []
        remembered: list[Judged] = []
        for row in rows:
            findings, due_at = _judge(connection, row, due, before, now)
            after += findings
            remembered.append(Judged(row.id, row.revision_id, due.inputs(row.id, row.account_id), due_at))
        if before:
            ids = sorted({row_id for _, row_id in before})
            connection.execute(delete(check_finding).where(_ours(connection, due, ids)))
        if after:
            connection.execute(insert(check_finding), after)
        if remembered:
            remember(connection, remembered, known=due.judged)
        judged += len(rows)
    return judged


def _ours(connection: Connection, due: DueType, ids: Sequence[int]) -> Any:
    names = [compiled.check.id for compiled in due.checks]
    return check_finding.c.resource_row_id.in_(id_list(ids, connection.dialect.name)) & check_finding.c.check_id.in_(
        names
    )


def _findings_of(connection: Connection, due: DueType, ids: Sequence[int]) -> dict[tuple[str, int], Any]:
    known = [row_id for row_id in ids if row_id in due.judged]
    if not known:
        return {}
    rows = connection.execute(select(check_finding).where(_ours(connection, due, known)))
    return {(row.check_id, row.resource_row_id): row for row in rows}


def _judge(
    connection: Connection, row: Any, due: DueType, before: dict[tuple[str, int], Any], now: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the findings of a resource, and when time alone may change its results. A finding that stays keeps its `since`."""
    subject = subject_of(row, due.unread.get(row.id, _NOTHING))
    members, findings, changes = subject.members(), [], []
    for compiled in due.checks:
        status = compiled.judge(members, subject.unread)
        if compiled.timed:
            changes.append(compiled.next_change(now))
        if status not in (Status.FAIL, Status.UNKNOWN):
            continue
        known = before.get((compiled.check.id, row.id))
        if known is not None and known.status == status:
            since, actor = known.since, known.actor
        else:
            beginning = _beginning(connection, row, compiled, status, due, now)
            since, actor = beginning.at, beginning.actor
        needs = compiled.needs(subject.unread) if status is Status.UNKNOWN and subject.unread else ()
        findings.append(
            {
                "check_id": compiled.check.id,
                "account_id": row.account_id,
                "resource_row_id": row.id,
                "status": str(status),
                "since": since,
                "actor": actor,
                "unread": canonical_json(needs) if needs else "[]",
            }
        )
    times = [change for change in changes if change is not None]
    return findings, format_time(min(times)) if times else None


def _beginning(
    connection: Connection, row: Any, compiled: CompiledCheck, status: Status, due: DueType, now: datetime
) -> Beginning:
    """Return when a new finding began. An unknown result begins now; a failure begins with the change that caused it."""
    if status is Status.UNKNOWN:
        return Beginning(format_time(now))
    gone_at = due.contexts.gone_at.get(row.id)
    if gone_at and "gone_targets" in compiled.functions:
        return Beginning(max(gone_at, row.changed_at))
    if due.judged.get(row.id) == row.revision_id and (compiled.timed or compiled.reads_others):
        return Beginning(format_time(now))  # the document is as it was: time passed, or another resource changed
    if not _TARGETS.isdisjoint(compiled.functions):
        return Beginning(row.changed_at)  # the targets of older states are judged by what exists today
    return beginning_of(connection, row, compiled, due.actors.get(row.revision_id, ""))


def _unread_scopes(connection: Connection, kinds: Sequence[str]) -> int:
    statement = select(scope.c.state).where(scope.c.type.in_(kinds))
    return sum(row.state not in COMPLETE for row in connection.execute(statement))


def _forget(connection: Connection, checks: Iterable[Check]) -> None:
    """Delete findings of checks that no longer exist, and of resources that were deleted."""
    known = {check.id for check in checks}
    stored = {row.check_id for row in connection.execute(select(check_finding.c.check_id).distinct())}
    if stored - known:
        connection.execute(delete(check_finding).where(check_finding.c.check_id.in_(sorted(stored - known))))
    alive = select(resource.c.id).where(resource.c.deleted_at.is_(None))
    for table in (check_finding, judged_resource):
        column = table.c.resource_row_id
        connection.execute(delete(table).where(column != 0, column.not_in(alive)))
