"""Past states: a resource's revisions, its document at a time, the difference of two times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from windlass.core.clock import format_time, parse_time
from windlass.core.patch import make_patch
from windlass.inventory.change_events import with_events
from windlass.inventory.conditions import identity_conditions, owner_condition
from windlass.inventory.filters import matches
from windlass.inventory.member_index import in_groups
from windlass.inventory.model import ChangeKind, Document, Query, Resource, Revision
from windlass.inventory.resources import COLUMNS, read_cursor, resource_of, write_cursor
from windlass.inventory.revisions import replay
from windlass.inventory.tables import resource, revision

__all__ = ["Difference", "diff", "document_at", "documents_at", "history", "recent_changes"]

_BATCH = 400


@dataclass(frozen=True, slots=True)
class Difference:
    """The net change of one resource between two times; creations and deletions have no patch."""

    resource: Resource
    change: ChangeKind
    patch: tuple[dict[str, Any], ...]


def history(connection: Connection, subject: Resource, *, limit: int) -> tuple[Revision, ...]:
    """Return the resource's revisions, newest first."""
    statement = (
        select(revision)
        .where(revision.c.resource_row_id == subject.id)
        .order_by(revision.c.valid_from.desc())
        .limit(limit)
    )
    return with_events(connection, [_revision(row, subject) for row in connection.execute(statement)])


def recent_changes(
    connection: Connection,
    query: Query,
    *,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[ChangeKind],
    actor: str = "",
    limit: int,
    cursor: str,
) -> tuple[tuple[Revision, ...], str]:
    """Return the estate's revisions, newest first, and the cursor of the next page. `actor` is a part of its ARN."""
    conditions = [*in_groups(query, revision.c.group_id), *owner_condition(query, revision.c.resource_row_id)]
    if since:
        conditions.append(revision.c.valid_from >= format_time(since))
    if until:
        conditions.append(revision.c.valid_from < format_time(until))
    if kinds:
        conditions.append(revision.c.change.in_([str(kind) for kind in kinds]))
    if actor:
        conditions.append(revision.c.actor.icontains(actor, autoescape=True))
    if cursor:
        value, revision_id = read_cursor(cursor)
        conditions.append(
            and_(
                revision.c.valid_from <= value, or_(revision.c.valid_from < value, revision.c.revision_id < revision_id)
            )
        )
    # The index alone selects the page: only its revisions are read.
    order = (revision.c.valid_from.desc(), revision.c.revision_id.desc())
    page = select(revision.c.revision_id).where(*conditions).order_by(*order).limit(limit + 1).subquery()
    columns = [column.label(f"v_{column.name}") for column in revision.c]
    statement = (
        select(*COLUMNS, *columns)
        .select_from(
            page.join(revision, revision.c.revision_id == page.c.revision_id).join(
                resource, resource.c.id == revision.c.resource_row_id
            )
        )
        .order_by(*order)
    )
    rows = connection.execute(statement).all()
    following = write_cursor(rows[limit - 1].v_valid_from, rows[limit - 1].v_revision_id) if len(rows) > limit else ""
    revisions = [_revision(row, resource_of(row), prefix="v_") for row in rows[:limit]]
    return with_events(connection, revisions), following


def _revision(row: Any, subject: Resource, *, prefix: str = "") -> Revision:
    def value(name: str) -> Any:
        return getattr(row, prefix + name)

    return Revision(
        revision_id=value("revision_id"),
        resource=replace(subject, name=value("name") or subject.name, document=None),
        change=ChangeKind(value("change")),
        valid_from=parse_time(value("valid_from")),
        valid_to=parse_time(value("valid_to")) if value("valid_to") else None,
        patch=tuple(json.loads(value("patch"))),
        run_id=value("run_id"),
        actor=value("actor"),
        event_id=value("event_id"),
    )


def document_at(connection: Connection, subject: Resource, at: datetime) -> Document | None:
    """Return the resource's document at a time; None when it did not exist then."""
    return documents_at(connection, [subject.id], at).get(subject.id)


def documents_at(connection: Connection, row_ids: Sequence[int], at: datetime) -> dict[int, Document]:
    """Return the documents, by row id, of those of the resources that existed at a time."""
    documents = {}
    for row_id, rows in _revisions_until(connection, row_ids, until=at):
        document = replay(_steps(rows))
        if document is not None:
            documents[row_id] = document
    return documents


def _revisions_until(
    connection: Connection, row_ids: Sequence[int], *, until: datetime
) -> Iterator[tuple[int, list[Any]]]:
    """Yield each resource's revisions up to a time, oldest first."""
    columns = (
        revision.c.resource_row_id,
        revision.c.valid_from,
        revision.c.patch,
        revision.c.keyframe,
        revision.c.name,
    )
    for at in range(0, len(row_ids), _BATCH):
        statement = (
            select(*columns)
            .where(
                revision.c.resource_row_id.in_(row_ids[at : at + _BATCH]), revision.c.valid_from <= format_time(until)
            )
            .order_by(revision.c.resource_row_id, revision.c.valid_from)
        )
        for row_id, rows in groupby(connection.execute(statement), key=lambda row: row.resource_row_id):
            yield row_id, list(rows)


def _steps(rows: Sequence[Any]) -> Iterable[tuple[Document | None, list[dict[str, Any]]]]:
    """Return the input of `replay`: keyframes and patches from the last keyframe on."""
    start = max((at for at, row in enumerate(rows) if row.keyframe), default=0)
    return ((json.loads(row.keyframe) if row.keyframe else None, json.loads(row.patch)) for row in rows[start:])


def diff(connection: Connection, since: datetime, until: datetime, query: Query) -> tuple[Difference, ...]:
    """Return the net difference of the estate between two times. A resource created and deleted in between is left out."""
    touched = select(revision.c.resource_row_id).where(
        revision.c.valid_from > format_time(since), revision.c.valid_from <= format_time(until)
    )
    statement = (
        select(*COLUMNS)
        .where(resource.c.id.in_(touched), *identity_conditions(query), *owner_condition(query, resource.c.id))
        .order_by(resource.c.key)
    )
    listed = {row.id: resource_of(row) for row in connection.execute(statement)}
    differences = []
    for row_id, rows in _revisions_until(connection, list(listed), until=until):
        old = replay(_steps([row for row in rows if row.valid_from <= format_time(since)]))
        new = replay(_steps(rows))
        change = _net(listed[row_id], old, new)
        if change and matches(query, replace(listed[row_id], document=new or old or {})):
            differences.append(change)
    return tuple(sorted(differences, key=lambda difference: (difference.resource.type, difference.resource.key)))


def _net(subject: Resource, old: Document | None, new: Document | None) -> Difference | None:
    if old is None:
        return Difference(subject, ChangeKind.CREATED, ()) if new is not None else None
    if new is None:
        return Difference(subject, ChangeKind.DELETED, ())
    patch = make_patch(old, new)
    return Difference(subject, ChangeKind.UPDATED, tuple(patch)) if patch else None
