"""Resources as values, the cursors of their pages, and finding one by a reference; pages.py lists them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from windlass.core.clock import parse_time
from windlass.core.errors import NotFound, UsageError
from windlass.inventory.conditions import query_conditions
from windlass.inventory.model import Page, Query, Resource
from windlass.inventory.owner_rows import with_owners
from windlass.inventory.tables import resource

__all__ = ["COLUMNS", "find_resource", "list_with_deleted", "read_cursor", "resource_of", "write_cursor"]

COLUMNS = [column for column in resource.c if column.name not in ("document", "digest")]
_SORTS = {
    "key": (resource.c.key, False),
    "relevance": (resource.c.key, False),
    "name": (resource.c.name, False),
    "type": (resource.c.type, False),
    "changed": (resource.c.changed_at, True),
    "region": (resource.c.region, False),
    "account": (resource.c.account_id, False),
}
_MAX_REF_CHARS = 19  # of `#number`: longer numbers may exceed the databases' 64-bit integers


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


def list_with_deleted(connection: Connection, query: Query, *, documents: bool = False) -> Page:
    """Return a page of all resources in the store; deleted ones have their last document. pages.py lists existing ones."""
    conditions = query_conditions(query, connection.dialect.name)
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
    listed = [resource_of(row, document=documents) for row in rows]
    return Page(tuple(with_owners(connection, listed)), cursor, total)


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
            return _owned(connection, row)
    for column in (resource.c.key, resource.c.resource_id, resource.c.name):
        rows = connection.execute(select(*columns).where(column == ref).limit(20)).all()
        candidates = [row for row in rows if row.deleted_at is None] or rows
        if len(candidates) == 1 or (candidates and column is resource.c.key):
            return _owned(connection, candidates[0])
        if candidates:
            listed = "".join(
                f"\n  #{row.id}  {row.type}  {row.account_id} {row.region}  {row.key}" for row in candidates
            )
            raise UsageError(f"{ref!r} names {len(candidates)} resources:{listed}", hint="Pass an ARN or a #number.")
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


def _owned(connection: Connection, row: Any) -> Resource:
    return with_owners(connection, [resource_of(row, document=True)])[0]
