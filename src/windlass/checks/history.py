"""When a failure began: the change in the resource's history after which the check fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from windlass.checks.evaluation import CompiledCheck, Subject
from windlass.checks.model import Status
from windlass.core.clock import parse_time
from windlass.inventory.conditions import id_list
from windlass.inventory.resources import find_resource
from windlass.inventory.tables import revision
from windlass.inventory.timetravel import document_at

__all__ = ["Beginning", "actors_of", "beginning_of"]

_MAX_REVISIONS = 50
"""Older changes are not read: the failure is at least as old as the oldest of these."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The time of a change, as the store has it, and who made it (empty when it is not known)."""

    at: str
    actor: str = ""


def actors_of(connection: Connection, revision_ids: Sequence[int]) -> dict[int, str]:
    """Return who made the revisions, of those of which it is known."""
    statement = select(revision.c.revision_id, revision.c.actor).where(
        revision.c.revision_id.in_(id_list(revision_ids, connection.dialect.name)), revision.c.actor != ""
    )
    return {row.revision_id: row.actor for row in connection.execute(statement)}


def beginning_of(connection: Connection, row: Any, compiled: CompiledCheck, actor: str) -> Beginning:
    """Return the first of the latest changes after which the check fails without interruption.

    `row` is a resource that fails, and `actor` made its last change.
    """
    if row.revisions == 1:
        return Beginning(row.changed_at, actor)
    beginning = Beginning(row.changed_at, actor)
    for number, change in enumerate(_revisions(connection, row.id)):
        if number and not _fails(connection, row, compiled, parse_time(change.valid_from)):
            break
        beginning = Beginning(change.valid_from, change.actor or "")
    return beginning


def _revisions(connection: Connection, row_id: int) -> Iterator[Any]:
    statement = (
        select(revision.c.valid_from, revision.c.actor)
        .where(revision.c.resource_row_id == row_id)
        .order_by(revision.c.revision_id.desc())
        .limit(_MAX_REVISIONS)
    )
    yield from connection.execute(statement).all()


def _fails(connection: Connection, row: Any, compiled: CompiledCheck, at: datetime) -> bool:
    document = document_at(connection, find_resource(connection, f"#{row.id}"), at)
    if document is None:
        return False
    subject = Subject(row.account_id, row.region, row.name, json.loads(row.tags), document)
    return compiled.judge(subject.members(), subject.unread) is Status.FAIL
