"""Listing, counting and finding resources in their current state; timetravel.py reads past states."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from windlass.core.clock import parse_time
from windlass.core.errors import NotFound, UsageError
from windlass.inventory.conditions import query_conditions
from windlass.inventory.model import Facet, Page, Query, Resource
from windlass.inventory.tables import resource, tag

__all__ = ["COLUMNS", "facets", "find_resource", "list_resources", "read_cursor", "resource_of", "write_cursor"]

COLUMNS = [column for column in resource.c if column.name not in ("document", "digest")]
_SORTS = {
    "key": (resource.c.key, False),
    "name": (resource.c.name, False),
    "type": (resource.c.type, False),
    "changed": (resource.c.changed_at, True),
    "region": (resource.c.region, False),
    "account": (resource.c.account_id, False),
}
_FACET_VALUES = 50
_MAX_REF_CHARS = 19  # of `#number`: a longer one may exceed the databases' 64-bit integers


def resource_of(row: Any, *, document: bool = False) -> Resource:
    """Return a row of the resource table as a value."""
    return Resource(
        id=row.id,
        key=row.key,
        type=row.type,
        account_id=row.account_id,
        region=row.region,
        resource_id=row.resource_id,
        arn=row.arn,
        name=row.name,
        tags=json.loads(row.tags),
        first_seen_at=parse_time(row.first_seen_at),
        changed_at=parse_time(row.changed_at),
        deleted_at=parse_time(row.deleted_at) if row.deleted_at else None,
        document=json.loads(row.document) if document else None,
        measures=json.loads(row.measures),
    )


def list_resources(connection: Connection, dialect: str, query: Query, *, documents: bool = False) -> Page:
    """Return a page by keyset: the next one begins after its last row, even when rows are added or removed meanwhile."""
    conditions = query_conditions(query, dialect)
    column, newest_first = _SORTS[query.sort]
    order = [column.desc(), resource.c.id.desc()] if newest_first else [column, resource.c.id]
    statement = select(*COLUMNS, *([resource.c.document] if documents else [])).where(*conditions).order_by(*order)
    if query.cursor:
        value, row_id = read_cursor(query.cursor)
        if newest_first:
            statement = statement.where(or_(column < value, and_(column == value, resource.c.id < row_id)))
        else:
            statement = statement.where(or_(column > value, and_(column == value, resource.c.id > row_id)))
    rows = connection.execute(statement.limit(query.limit + 1)).all()
    total = connection.execute(select(func.count()).select_from(resource).where(*conditions)).scalar_one()
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    cursor = write_cursor(getattr(rows[-1], column.name), rows[-1].id) if more else ""
    return Page(tuple(resource_of(row, document=documents) for row in rows), cursor, total)


def write_cursor(value: Any, row_id: int) -> str:
    """Return the position of a page's last row as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps([value, row_id]).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[Any, int]:
    """Return the position that `write_cursor` encoded. UsageError for any other text."""
    try:
        value, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        value = row_id = None
    if not isinstance(value, str) or not isinstance(row_id, int) or not 0 <= row_id < 2**63:
        raise UsageError("the cursor is malformed", hint="Start again without a cursor.")
    return value, row_id


def facets(connection: Connection, dialect: str, query: Query, tags: Sequence[str]) -> dict[str, tuple[Facet, ...]]:
    """Return counts by type, account, region and the given tags, each over the matches of the *other* conditions."""
    counts = _identity_facets(connection, dialect, query)
    unfiltered = query == Query(sort=query.sort, limit=query.limit, cursor=query.cursor)
    for name in tags:
        if unfiltered:  # the tag table holds the tags of existing resources only: no join is needed
            statement = select(tag.c.value, func.count()).where(tag.c.name == name).group_by(tag.c.value)
        else:
            joined = resource.join(tag, and_(tag.c.resource_row_id == resource.c.id, tag.c.name == name))
            conditions = query_conditions(query, dialect, but=f"tag:{name}")
            statement = select(tag.c.value, func.count()).select_from(joined).where(*conditions).group_by(tag.c.value)
        counts[f"tag:{name}"] = _largest({row[0]: row[1] for row in connection.execute(statement)})
    return counts


def _identity_facets(connection: Connection, dialect: str, query: Query) -> dict[str, tuple[Facet, ...]]:
    columns = {"type": resource.c.type, "account": resource.c.account_id, "region": resource.c.region}
    counts: dict[str, dict[str, int]] = {name: {} for name in columns}
    filtered = query.types or query.account_ids or query.regions
    if not filtered:  # one pass over the index gives all three
        statement = (
            select(*columns.values(), func.count()).where(*query_conditions(query, dialect)).group_by(*columns.values())
        )
        for *values, number in connection.execute(statement):
            for name, value in zip(columns, values, strict=True):
                counts[name][value] = counts[name].get(value, 0) + number
    else:
        for name, column in columns.items():
            conditions = query_conditions(query, dialect, but=name)
            rows = connection.execute(select(column, func.count()).where(*conditions).group_by(column))
            counts[name] = {row[0]: row[1] for row in rows}
    return {name: _largest(by_value) for name, by_value in counts.items()}


def _largest(counts: dict[str, int]) -> tuple[Facet, ...]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Facet(*item) for item in ordered[:_FACET_VALUES])


def find_resource(connection: Connection, ref: str) -> Resource:
    """Return the resource that `ref` names: `#number`, ARN or key, id, or name; existing resources before deleted ones.

    NotFound with similar names; UsageError with the candidates when several resources have the name.
    """
    columns = [*COLUMNS, resource.c.document]
    if ref.startswith("#") and ref[1:].isdecimal():
        if len(ref) > _MAX_REF_CHARS:
            raise UsageError(f"{ref[:24]}… is not the number of a resource", hint="Numbers look like #1 or #27.")
        row = connection.execute(select(*columns).where(resource.c.id == int(ref[1:]))).first()
        if row:
            return resource_of(row, document=True)
    for column in (resource.c.key, resource.c.resource_id, resource.c.name):
        rows = connection.execute(select(*columns).where(column == ref).limit(20)).all()
        candidates = [row for row in rows if row.deleted_at is None] or rows
        if len(candidates) == 1 or (candidates and column is resource.c.key):
            return resource_of(candidates[0], document=True)
        if candidates:
            listed = "".join(
                f"\n  #{row.id}  {row.type}  {row.account_id} {row.region}  {row.key}" for row in candidates
            )
            raise UsageError(
                f"{ref!r} names {len(candidates)} resources:{listed}", hint="Pass the ARN or #number of one."
            )
    similar = connection.execute(
        select(resource.c.name, resource.c.type).where(resource.c.name.startswith(ref[:4], autoescape=True)).limit(3)
    ).all()
    hint = (
        "Similar names: " + ", ".join(f"{row.name} ({row.type})" for row in similar)
        if similar
        else "`windlass inventory search` finds parts of names."
    )
    if connection.execute(select(resource.c.id).limit(1)).first() is None:
        hint = "Nothing is collected yet. Run `windlass inventory collect`."
    raise NotFound(f"the inventory has no resource {ref!r}", hint=hint)
