"""Pages of a listing, now or at a past time: selected by the index `member_value`, then read from the resources.

A page begins after the last row of the page before it (keyset), so that rows added or removed meanwhile shift nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from windlass.core.clock import format_time, parse_time
from windlass.inventory.conditions import document_condition, id_list
from windlass.inventory.filters import matches
from windlass.inventory.member_index import (
    Condition,
    Matches,
    Verify,
    count_matches,
    in_groups,
    matches_of,
    valid_at,
    value_counts,
)
from windlass.inventory.member_values import NAME
from windlass.inventory.model import Page, Query, Resource
from windlass.inventory.owner_rows import with_owners
from windlass.inventory.resources import COLUMNS, read_cursor, resource_of, write_cursor
from windlass.inventory.tables import facet_group, member_value, resource, revision
from windlass.inventory.timetravel import documents_at

__all__ = ["list_page", "matches_now_or_then", "resources_by_id"]

_BATCH = 400
_FEW = 10_000  # matches: fewer are sorted in memory, more are read in the order of an index

Position = tuple[str, int]
"""The value that a row is sorted by, and its row id."""


def list_page(connection: Connection, query: Query, *, documents: bool = False) -> Page:
    """Return a page of the resources that exist at `query.at` (None: now), with the names, tags and documents of that time.

    The order `relevance` is search.py's; without search words it is the order `key`.
    """
    matches = matches_now_or_then(connection, query)
    after = read_cursor(query.cursor) if query.cursor else None
    positions: list[Position] = []
    if query.sort in _GROUP_SORTS:
        counts = value_counts(connection, matches, _GROUP_SORTS[query.sort])
        total = sum(counts.values())
        positions = _by_group(connection, matches, counts, after)
    else:
        total = count_matches(connection, matches)
        if total and query.sort == "name":
            positions = _by_name(connection, matches, after)
        elif total and query.sort == "changed" and query.at is not None:
            positions = _by_change(connection, matches, total, after)
        elif total:
            positions = _by_column(connection, matches, after)
    shown = positions[: query.limit]
    rows = resources_by_id(connection, [row_id for _, row_id in shown], at=query.at, documents=documents)
    cursor = write_cursor(*shown[-1]) if len(positions) > query.limit else ""
    return Page(tuple(rows), cursor, total)


def matches_now_or_then(connection: Connection, query: Query) -> Matches:
    """Return the matches of a query; conditions that the index can't answer read the documents of the query's time."""
    return matches_of(connection, query, _verifier(connection, query.at))


def _verifier(connection: Connection, at: datetime | None) -> Verify:
    def verify_now(row_ids: Sequence[int], condition: Condition) -> Sequence[int]:
        dialect = connection.dialect.name
        statement = select(resource.c.id).where(
            resource.c.id.in_(id_list(row_ids, dialect)), document_condition(*condition, dialect)
        )
        return connection.execute(statement).scalars().all()

    def verify_then(row_ids: Sequence[int], condition: Condition) -> Sequence[int]:
        query = Query(where=(condition,))
        past = resources_by_id(connection, row_ids, at=at, documents=True)
        return [row.id for row in past if matches(query, row)]

    return verify_now if at is None else verify_then


_GROUP_SORTS = {"type": "type", "account": "account_id", "region": "region"}
"""The orders by a property that a facet group shares, with the column of `facet_group`."""


def _by_group(
    connection: Connection, matches: Matches, sizes: Mapping[str, int], after: Position | None
) -> list[Position]:
    column = facet_group.c[_GROUP_SORTS[matches.query.sort]]
    values = sorted(value for value in sizes if after is None or value >= after[0])
    limit = matches.query.limit + 1
    positions: list[Position] = []
    while values and len(positions) < limit:
        taken = _first_values(values, sizes, limit - len(positions))
        values = values[len(taken) :]
        rows = matches.select(narrowed=True).subquery()
        groups = select(facet_group.c.id).where(column.in_(taken))
        if len(taken) == 1:
            statement = select(rows.c.row_id).where(rows.c.group_id.in_(groups)).order_by(rows.c.row_id)
            if after is not None and taken[0] == after[0]:
                statement = statement.where(rows.c.row_id > after[1])
            row_ids = connection.execute(statement.limit(limit - len(positions))).scalars()
            positions += [(taken[0], row_id) for row_id in row_ids]
        else:
            joined = select(column, rows.c.row_id).join(rows, rows.c.group_id == facet_group.c.id)
            listed = sorted((row[0], row[1]) for row in connection.execute(joined.where(rows.c.group_id.in_(groups))))
            positions += [position for position in listed if after is None or position > after]
    return positions[:limit]


def _first_values(values: Sequence[str], sizes: Mapping[str, int], room: int) -> list[str]:
    """Return the first values that fit into the room together; at least the first."""
    taken: list[str] = []
    for value in values:
        room -= sizes[value]
        if taken and room < 0:
            break
        taken.append(value)
    return taken


def _by_name(connection: Connection, matches: Matches, after: Position | None) -> list[Position]:
    names = member_value.alias()
    columns = (names.c.value, names.c.resource_row_id)
    conditions = [names.c.pointer == NAME, valid_at(names, matches.query.at)]
    conditions += in_groups(matches.query, names.c.group_id)
    conditions += matches.restrict(names.c.resource_row_id, names.c.group_id, exists_anyway=True)
    if after is not None:
        conditions.append(_after(*columns, after))
    statement = select(*columns).where(*conditions).order_by(*columns).limit(matches.query.limit + 1)
    return [(row[0], row[1]) for row in connection.execute(statement)]


def _by_column(connection: Connection, matches: Matches, after: Position | None) -> list[Position]:
    newest_first = matches.query.sort == "changed"
    column: ColumnElement[Any] = resource.c.changed_at if newest_first else resource.c.key
    conditions = _restrict(matches, resource.c.id, resource.c.group_id)
    if after is not None:
        conditions.append(_after(column, resource.c.id, after, descending=newest_first))
    order = (column.desc(), resource.c.id.desc()) if newest_first else (column, resource.c.id)
    statement = select(column, resource.c.id).where(*conditions).order_by(*order).limit(matches.query.limit + 1)
    return [(row[0], row[1]) for row in connection.execute(statement)]


def _by_change(connection: Connection, matches: Matches, total: int, after: Position | None) -> list[Position]:
    """Return the matches by the time of their last change before `query.at`, the newest first."""
    assert matches.query.at is not None
    moment, limit = format_time(matches.query.at), matches.query.limit + 1
    if total <= _FEW:
        rows = matches.select(narrowed=True).subquery()
        last = (
            select(func.max(revision.c.valid_from))
            .where(revision.c.resource_row_id == rows.c.row_id, revision.c.valid_from <= moment)
            .scalar_subquery()
        )
        dated = sorted(((row[1], row[0]) for row in connection.execute(select(rows.c.row_id, last))), reverse=True)
        return [position for position in dated if after is None or position < after][:limit]
    columns = (revision.c.valid_from, revision.c.resource_row_id)
    conditions = [
        revision.c.valid_from <= moment,
        or_(revision.c.valid_to.is_(None), revision.c.valid_to > moment),
        *_restrict(matches, revision.c.resource_row_id, revision.c.group_id),
    ]
    if after is not None:
        conditions.append(_after(*columns, after, descending=True))
    statement = select(*columns).where(*conditions).order_by(columns[0].desc(), columns[1].desc()).limit(limit)
    return [(row[0], row[1]) for row in connection.execute(statement)]


def _restrict(matches: Matches, row_id: ColumnElement[int], group_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
    return [*in_groups(matches.query, group_id), *matches.restrict(row_id, group_id)]


def _after(
    column: ColumnElement[Any], row_id: ColumnElement[int], after: Position, *, descending: bool = False
) -> ColumnElement[bool]:
    if descending:
        return and_(column <= after[0], or_(column < after[0], row_id < after[1]))
    return and_(column >= after[0], or_(column > after[0], row_id > after[1]))


def resources_by_id(
    connection: Connection, row_ids: Sequence[int], *, at: datetime | None, documents: bool = False
) -> list[Resource]:
    """Return the resources in this order, now or with the names, tags and documents of a past time."""
    resources: list[Resource] = []
    for start in range(0, len(row_ids), _BATCH):
        batch = row_ids[start : start + _BATCH]
        columns = [*COLUMNS, *([resource.c.document] if documents or at is not None else [])]
        rows = {row.id: row for row in connection.execute(select(*columns).where(resource.c.id.in_(batch)))}
        if at is None:
            resources += [resource_of(rows[row_id], document=documents) for row_id in batch if row_id in rows]
        else:
            past = _as_then(connection, at, [rows[row_id] for row_id in batch if row_id in rows])
            resources += past if documents else [replace(item, document=None) for item in past]
    return with_owners(connection, resources, at=at)


def _as_then(connection: Connection, at: datetime, rows: Sequence[Any]) -> Iterator[Resource]:
    then = _revisions_at(connection, at, [row.id for row in rows])
    changed = [row.id for row in rows if row.id in then and then[row.id].revision_id != row.revision_id]
    past = documents_at(connection, changed, at)
    for row in rows:
        now = resource_of(row, document=True)
        if row.id not in then:
            continue
        document = past.get(row.id, now.document)
        tags = (document or {}).get("Tags")
        yield replace(
            now,
            name=then[row.id].name or now.name,
            document=document,
            deleted_at=None,
            tags=tags if isinstance(tags, dict) else {},
            changed_at=parse_time(then[row.id].valid_from),
        )


def _revisions_at(connection: Connection, at: datetime, row_ids: Sequence[int]) -> dict[int, Any]:
    last = (
        select(revision.c.resource_row_id, func.max(revision.c.valid_from).label("valid_from"))
        .where(revision.c.resource_row_id.in_(row_ids), revision.c.valid_from <= format_time(at))
        .group_by(revision.c.resource_row_id)
        .subquery()
    )
    statement = select(revision.c.resource_row_id, revision.c.revision_id, revision.c.name, revision.c.valid_from).join(
        last,
        and_(
            last.c.resource_row_id == revision.c.resource_row_id,
            last.c.valid_from == revision.c.valid_from,
        ),
    )
    return {row.resource_row_id: row for row in connection.execute(statement)}
