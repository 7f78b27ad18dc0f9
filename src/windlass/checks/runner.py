"""A run of all checks over the inventory: judge what changed, and keep the findings.

One transaction per type: findings of a type are replaced together or not at all. Resources that did not change are judged
again only by timed checks; their other findings stay.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from windlass.checks.evaluation import CompiledCheck, Evaluator, Subject
from windlass.checks.history import Beginning, beginning_of
from windlass.checks.model import Check, Status
from windlass.checks.tables import check_finding, check_run, judged_resource
from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time
from windlass.inventory.model import ScopeState
from windlass.inventory.tables import account_state, resource, revision, scope, unread_detail
from windlass.store.engine import Store

__all__ = ["RunSummary", "run_checks"]

_BATCH = 400
_COMPLETE = (str(ScopeState.OK), str(ScopeState.UNSUPPORTED))


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


def run_checks(store: Store, evaluator: Evaluator, checks: Sequence[Check], *, now: datetime) -> RunSummary:
    """Judge the estate and write the findings. `checks` are those of the evaluator."""
    started_s, summary = time.perf_counter(), RunSummary(now)
    for kind in evaluator.types:
        with store.write() as connection:
            _judge_type(connection, evaluator, kind, summary)
            _judge_accounts(connection, evaluator, kind, summary)
    with store.write() as connection:
        _forget(connection, checks)
        severities = {check.id: check.severity.label for check in checks}
        for row in connection.execute(select(check_finding.c.check_id, check_finding.c.status)):
            summary.counts[severities[row.check_id], row.status] += 1
        summary.unread_scopes = _unread_scopes(connection, evaluator.types)
        summary.duration_s = time.perf_counter() - started_s
        counts = {f"{severity} {status}": number for (severity, status), number in summary.counts.items()}
        connection.execute(
            check_run.insert().values(
                ran_at=format_time(now),
                duration_s=summary.duration_s,
                resources=summary.resources,
                judged=summary.judged,
                counts=canonical_json(counts),
            )
        )
    return summary


# --- resources -----------------------------------------------------------------------------------------------------------


def _judge_type(connection: Connection, evaluator: Evaluator, kind: str, summary: RunSummary) -> None:
    checks = [compiled for compiled in evaluator.checks_of(kind) if not compiled.check.any_of_account]
    if not checks:
        return
    timed = [compiled for compiled in checks if compiled.timed]
    catalogue = canonical_json([(check.check.id, check.check.passes, check.check.applies) for check in checks])
    unread = _unread_members(connection, kind)
    judged = _judged(connection, kind)
    every: list[int] = []
    due: list[int] = []
    for row in connection.execute(
        select(resource.c.id, resource.c.revision_id).where(resource.c.type == kind, resource.c.deleted_at.is_(None))
    ):
        every.append(row.id)
        if judged.get(row.id) != (row.revision_id, _inputs(catalogue, unread.get(row.id))):
            due.append(row.id)
    summary.resources += len(every)
    summary.judged += len(due)
    for rows in _rows(connection, due):
        _write(connection, rows, checks, unread, judged, summary.ran_at)
        _remember(connection, rows, catalogue, unread)
    if timed:
        fresh = set(due)
        for rows in _rows(connection, [row_id for row_id in every if row_id not in fresh]):
            _write(connection, rows, timed, unread, judged, summary.ran_at)


def _write(
    connection: Connection,
    rows: Sequence[Any],
    checks: Sequence[CompiledCheck],
    unread: Mapping[int, frozenset[str]],
    judged: Mapping[int, tuple[int, str]],
    now: datetime,
) -> None:
    """Judge resources by `checks` and replace their findings of these checks. A finding that stays keeps its `since`."""
    ids = [row.id for row in rows]
    names = [compiled.check.id for compiled in checks]
    mine = check_finding.c.resource_row_id.in_(ids), check_finding.c.check_id.in_(names)
    before = {
        (row.check_id, row.resource_row_id): row for row in connection.execute(select(check_finding).where(*mine))
    }
    after: list[dict[str, Any]] = []
    for row in rows:
        subject = _subject(row, unread.get(row.id, frozenset()))
        members = subject.members()
        for compiled in checks:
            status = compiled.judge(members, subject.unread)
            if status not in (Status.FAIL, Status.UNKNOWN):
                continue
            known = before.get((compiled.check.id, row.id))
            if known is not None and known.status == status:
                since, actor = known.since, known.actor
            else:
                beginning = _beginning(connection, row, compiled, status, judged, now)
                since, actor = format_time(beginning.at), beginning.actor
            after.append(
                {
                    "check_id": compiled.check.id,
                    "account_id": row.account_id,
                    "resource_row_id": row.id,
                    "status": str(status),
                    "since": since,
                    "actor": actor,
                    "unread": canonical_json(compiled.needs(subject.unread) if status is Status.UNKNOWN else ()),
                }
            )
    if before:
        connection.execute(delete(check_finding).where(*mine))
    if after:
        connection.execute(check_finding.insert(), after)


def _beginning(
    connection: Connection,
    row: Any,
    compiled: CompiledCheck,
    status: Status,
    judged: Mapping[int, tuple[int, str]],
    now: datetime,
) -> Beginning:
    """Return when a new finding began. An unknown result begins now; a failure begins with the change that caused it."""
    if status is Status.UNKNOWN:
        return Beginning(now)
    earlier = judged.get(row.id)
    if earlier is not None and earlier[0] == row.revision_id and compiled.timed:
        return Beginning(now)  # nothing changed but the time
    return beginning_of(connection, row, compiled)


def _subject(row: Any, unread: frozenset[str]) -> Subject:
    return Subject(row.account_id, row.region, row.name, json.loads(row.tags), json.loads(row.document), unread)


def _rows(connection: Connection, ids: Sequence[int]) -> Iterator[Sequence[Any]]:
    columns = [resource.c[name] for name in ("id", "account_id", "region", "name", "tags", "document", "changed_at")]
    statement = select(*columns, resource.c.revision_id, resource.c.revisions, revision.c.actor).outerjoin(
        revision, revision.c.revision_id == resource.c.revision_id
    )
    for start in range(0, len(ids), _BATCH):
        yield connection.execute(statement.where(resource.c.id.in_(ids[start : start + _BATCH]))).all()


def _unread_members(connection: Connection, kind: str) -> dict[int, frozenset[str]]:
    statement = (
        select(unread_detail.c.resource_row_id, unread_detail.c.read_at)
        .join(resource, resource.c.id == unread_detail.c.resource_row_id)
        .where(resource.c.type == kind)
    )
    return {row.resource_row_id: frozenset(json.loads(row.read_at)) for row in connection.execute(statement)}


def _judged(connection: Connection, kind: str) -> dict[int, tuple[int, str]]:
    statement = (
        select(judged_resource)
        .join(resource, resource.c.id == judged_resource.c.resource_row_id)
        .where(resource.c.type == kind)
    )
    return {row.resource_row_id: (row.revision_id, row.inputs) for row in connection.execute(statement)}


def _inputs(catalogue: str, unread: frozenset[str] | None) -> str:
    """Return a digest of everything besides the document that decides a result."""
    text = catalogue + "|" + " ".join(sorted(unread or ()))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _remember(
    connection: Connection, rows: Sequence[Any], catalogue: str, unread: Mapping[int, frozenset[str]]
) -> None:
    ids = [row.id for row in rows]
    connection.execute(delete(judged_resource).where(judged_resource.c.resource_row_id.in_(ids)))
    connection.execute(
        judged_resource.insert(),
        [
            {
                "resource_row_id": row.id,
                "revision_id": row.revision_id,
                "inputs": _inputs(catalogue, unread.get(row.id)),
            }
            for row in rows
        ],
    )


# --- accounts ------------------------------------------------------------------------------------------------------------


def _judge_accounts(connection: Connection, evaluator: Evaluator, kind: str, summary: RunSummary) -> None:
    """Judge the checks that ask whether an account has at least one such resource."""
    checks = [compiled for compiled in evaluator.checks_of(kind) if compiled.check.any_of_account]
    if not checks:
        return
    unread = _unread_members(connection, kind)
    subjects: dict[str, list[Subject]] = defaultdict(list)
    statement = select(resource.c.id).where(resource.c.type == kind, resource.c.deleted_at.is_(None))
    for rows in _rows(connection, [row.id for row in connection.execute(statement)]):
        for row in rows:
            subjects[row.account_id].append(_subject(row, unread.get(row.id, frozenset())))
    states = _scope_states(connection, kind)
    accounts = [row.account_id for row in connection.execute(select(account_state.c.account_id))]
    for compiled in checks:
        known = {
            row.account_id: row
            for row in connection.execute(select(check_finding).where(check_finding.c.check_id == compiled.check.id))
        }
        connection.execute(delete(check_finding).where(check_finding.c.check_id == compiled.check.id))
        for account_id in accounts:
            status = _account_status(compiled, subjects[account_id], states.get(account_id, ()))
            if status is Status.PASS:
                continue
            row = known.get(account_id)
            since = row.since if row is not None and row.status == status else format_time(summary.ran_at)
            connection.execute(
                check_finding.insert().values(
                    check_id=compiled.check.id,
                    account_id=account_id,
                    resource_row_id=0,
                    status=str(status),
                    since=since,
                    actor="",
                    unread="[]",
                )
            )


def _account_status(compiled: CompiledCheck, subjects: Iterable[Subject], states: Iterable[str]) -> Status:
    """Return PASS when one resource passes; FAIL only when all resources of the type were read and none passes."""
    results = {compiled.judge(subject.members(), subject.unread) for subject in subjects}
    if Status.PASS in results:
        return Status.PASS
    states = list(states)
    complete = states and all(state in _COMPLETE for state in states)
    return Status.UNKNOWN if Status.UNKNOWN in results or not complete else Status.FAIL


def _scope_states(connection: Connection, kind: str) -> dict[str, list[str]]:
    states: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(scope.c.account_id, scope.c.state).where(scope.c.type == kind)):
        states[row.account_id].append(row.state)
    return states


def _unread_scopes(connection: Connection, kinds: Sequence[str]) -> int:
    statement = select(scope.c.state).where(scope.c.type.in_(kinds))
    return sum(row.state not in _COMPLETE for row in connection.execute(statement))


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
