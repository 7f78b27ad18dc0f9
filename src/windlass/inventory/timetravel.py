"""Past states: a resource's revisions, its document at a time, the estate at a time, the difference of two times."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from windlass.core.clock import format_time, parse_time
from windlass.core.patch import make_patch
from windlass.inventory.conditions import identity_conditions, word_conditions
from windlass.inventory.filters import matches
from windlass.inventory.model import ChangeKind, Document, Page, Query, Resource, Revision
from windlass.inventory.resources import COLUMNS, read_cursor, resource_of, write_cursor
from windlass.inventory.revisions import replay
from windlass.inventory.tables import resource, revision

__all__ = ["Difference", "diff", "document_at", "history", "list_at", "recent_changes"]

_BATCH = 400


@dataclass(frozen=True, slots=True)
class Difference:
    """The net change of one resource between two times; creations and deletions have no patch."""

    resource: Resource
    change: ChangeKind
    patch: tuple[dict[str, Any], ...]


def history(connection: Connection, of: Resource, *, limit: int) -> tuple[Revision, ...]:
    """Return the resource's revisions, newest first."""
    statement = (
        select(revision).where(revision.c.resource_row_id == of.id).order_by(revision.c.valid_from.desc()).limit(limit)
    )
    return tuple(_revision(row, of) for row in connection.execute(statement))


def recent_changes(
    connection: Connection,
    query: Query,
    *,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[ChangeKind],
    limit: int,
    cursor: str,
) -> tuple[tuple[Revision, ...], str]:
    """Return the estate's revisions, newest first, and the cursor of the next page."""
    conditions = identity_conditions(query)
    if since:
        conditions.append(revision.c.valid_from >= format_time(since))
    if until:
        conditions.append(revision.c.valid_from < format_time(until))
    if kinds:
        conditions.append(revision.c.change.in_([str(kind) for kind in kinds]))
    if cursor:
        value, revision_id = read_cursor(cursor)
        conditions.append(
            or_(
                revision.c.valid_from < value,
                and_(revision.c.valid_from == value, revision.c.revision_id < revision_id),
            )
        )
    columns = [column.label(f"v_{column.name}") for column in revision.c]
    statement = (
        select(*COLUMNS, *columns)
        .select_from(revision.join(resource, resource.c.id == revision.c.resource_row_id))
        .where(*conditions)
        .order_by(revision.c.valid_from.desc(), revision.c.revision_id.desc())
        .limit(limit + 1)
    )
    rows = connection.execute(statement).all()
    following = write_cursor(rows[limit - 1].v_valid_from, rows[limit - 1].v_revision_id) if len(rows) > limit else ""
    return tuple(_revision(row, resource_of(row), prefix="v_") for row in rows[:limit]), following


def _revision(row: Any, of: Resource, *, prefix: str = "") -> Revision:
    def value(name: str) -> Any:
        return getattr(row, prefix + name)

    return Revision(
        revision_id=value("revision_id"),
        resource=replace(of, name=value("name") or of.name, document=None),
        change=ChangeKind(value("change")),
        valid_from=parse_time(value("valid_from")),
        valid_to=parse_time(value("valid_to")) if value("valid_to") else None,
        patch=tuple(json.loads(value("patch"))),
        run_id=value("run_id"),
        actor=value("actor"),
        event_id=value("event_id"),
    )


def document_at(connection: Connection, of: Resource, at: datetime) -> Document | None:
    """Return the resource's document at a time; None when it did not exist then."""
    return _documents_at(connection, [of.id], at).get(of.id)


def _documents_at(connection: Connection, row_ids: Sequence[int], at: datetime) -> dict[int, Document]:
    """Return the documents of the resources that existed at a time."""
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


def list_at(connection: Connection, query: Query, *, documents: bool = False) -> Page:
    """Return a page of the estate at `query.at`, with the names, tags and documents of that time; words match the present.

    Documents are read for the page only, and for all resources only when a condition is on tags or the document.
    """
    assert query.at is not None
    moment = format_time(query.at)
    valid = and_(
        revision.c.resource_row_id == resource.c.id,
        revision.c.valid_from <= moment,
        or_(revision.c.valid_to.is_(None), revision.c.valid_to > moment),
        revision.c.change != str(ChangeKind.DELETED),
    )
    columns = (
        resource.c.id,
        resource.c.key,
        resource.c.type,
        resource.c.region,
        resource.c.account_id,
        resource.c.revision_id,
        revision.c.revision_id.label("then"),
        revision.c.name,
        revision.c.valid_from,
    )
    conditions = [*identity_conditions(query), *word_conditions(query, connection.dialect.name)]
    statement = select(*columns).select_from(resource.join(revision, valid)).where(*conditions)
    rows = connection.execute(statement).all()
    if query.where or query.tags or query.untagged:
        rows = [row for batch in _batches(rows) for row in _matching(connection, query, batch)]
    rows = sorted(rows, key=_SORT_KEYS[query.sort], reverse=query.sort == "changed")
    start = 0
    if query.cursor:
        _, row_id = read_cursor(query.cursor)
        start = next((at + 1 for at, row in enumerate(rows) if row.id == row_id), 0)
    shown = rows[start : start + query.limit]
    cursor = write_cursor("", shown[-1].id) if start + query.limit < len(rows) else ""
    page = [item for batch in _batches(shown) for item in _as_then(connection, query.at, batch)]
    return Page(tuple(page if documents else (replace(item, document=None) for item in page)), cursor, len(rows))


_SORT_KEYS: Mapping[str, Callable[[Any], tuple[Any, int]]] = {
    "key": lambda row: (row.key, row.id),
    "name": lambda row: (row.name, row.id),
    "type": lambda row: (row.type, row.id),
    "changed": lambda row: (row.valid_from, row.id),
    "region": lambda row: (row.region, row.id),
    "account": lambda row: (row.account_id, row.id),
}


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH))


def _matching(connection: Connection, query: Query, rows: Sequence[Any]) -> list[Any]:
    assert query.at is not None
    then = _as_then(connection, query.at, rows)
    return [row for row, item in zip(rows, then, strict=True) if matches(query, item)]


def _as_then(connection: Connection, at: datetime, rows: Sequence[Any]) -> list[Resource]:
    """Return the resources of these rows, in their order, with the names, tags and documents of that time."""
    row_ids = [row.id for row in rows]
    past = _documents_at(connection, [row.id for row in rows if row.then != row.revision_id], at)
    statement = select(*COLUMNS, resource.c.document).where(resource.c.id.in_(row_ids))
    now = {row.id: resource_of(row, document=True) for row in connection.execute(statement)}
    resources = []
    for row in rows:
        document = past.get(row.id, now[row.id].document)
        tags = (document or {}).get("Tags")
        resources.append(
            replace(
                now[row.id],
                name=row.name or now[row.id].name,
                document=document,
                deleted_at=None,
                tags=tags if isinstance(tags, dict) else {},
                changed_at=parse_time(row.valid_from),
            )
        )
    return resources


def diff(connection: Connection, since: datetime, until: datetime, query: Query) -> tuple[Difference, ...]:
    """Return the net difference of the estate between two times. A resource created and deleted in between is left out."""
    touched = select(revision.c.resource_row_id).where(
        revision.c.valid_from > format_time(since), revision.c.valid_from <= format_time(until)
    )
    statement = select(*COLUMNS).where(resource.c.id.in_(touched), *identity_conditions(query)).order_by(resource.c.key)
    listed = {row.id: resource_of(row) for row in connection.execute(statement)}
    differences = []
    for row_id, rows in _revisions_until(connection, list(listed), until=until):
        old = replay(_steps([row for row in rows if row.valid_from <= format_time(since)]))
        new = replay(_steps(rows))
        change = _net(listed[row_id], old, new)
        if change and matches(query, replace(listed[row_id], document=new or old or {})):
            differences.append(change)
    return tuple(sorted(differences, key=lambda each: (each.resource.type, each.resource.key)))


def _net(of: Resource, old: Document | None, new: Document | None) -> Difference | None:
    if old is None:
        return Difference(of, ChangeKind.CREATED, ()) if new is not None else None
    if new is None:
        return Difference(of, ChangeKind.DELETED, ())
    patch = make_patch(old, new)
    return Difference(of, ChangeKind.UPDATED, tuple(patch)) if patch else None
