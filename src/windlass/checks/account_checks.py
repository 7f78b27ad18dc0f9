"""The checks that ask whether an account has at least one such resource: one finding per account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select

from windlass.checks.evaluation import CompiledCheck, Evaluator, Subject
from windlass.checks.model import Status
from windlass.checks.subjects import COMPLETE, scope_states, subject_of, subject_rows, unread_members
from windlass.checks.tables import check_finding
from windlass.core.clock import format_time
from windlass.inventory.tables import account_state, resource

__all__ = ["judge_accounts"]


def judge_accounts(connection: Connection, evaluator: Evaluator, kind: str, now: datetime) -> None:
    """Judge the checks that ask whether an account has at least one such resource."""
    checks = [compiled for compiled in evaluator.checks_of(kind) if compiled.check.any_of_account]
    if not checks:
        return
    unread = unread_members(connection, [kind])
    subjects: dict[str, list[Subject]] = defaultdict(list)
    statement = select(resource.c.id).where(resource.c.type == kind, resource.c.deleted_at.is_(None))
    for rows in subject_rows(connection, [row.id for row in connection.execute(statement)]):
        for row in rows:
            subjects[row.account_id].append(subject_of(row, unread.get(row.id, frozenset())))
    states = scope_states(connection, [kind])
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
            since = row.since if row is not None and row.status == status else format_time(now)
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
    """Return PASS when one resource passes; FAIL only when everything of the type was read, and none does."""
    results = {compiled.judge(subject.members(), subject.unread) for subject in subjects}
    if Status.PASS in results:
        return Status.PASS
    states = list(states)
    complete = states and all(state in COMPLETE for state in states)
    return Status.UNKNOWN if Status.UNKNOWN in results or not complete else Status.FAIL
