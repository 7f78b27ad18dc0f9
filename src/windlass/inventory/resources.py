"""Listing, counting and finding resources as they are now; the past is timetravel.py's."""

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
_MAX_NUMBER_DIGITS = 19  # with the #: any longer number may exceed the databases' 64-bit integers


def resource_of(row: Any, *, document: bool = False) -> Resource:
    """A row of the resource table as a value."""
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
    """A page by keyset: the next one begins after the last row, however many rows came or went meanwhile."""
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
    """Where a page ended, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps([value, row_id]).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[Any, int]:
    """What `write_cursor` wrote; UsageError for anything else."""
    try:
        value, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        value = row_id = None
    if not isinstance(value, str) or not isinstance(row_id, int) or not 0 <= row_id < 2**63:
        raise UsageError("the cursor is not one of ours", hint="Start again without it.")
    return value, row_id


def facets(connection: Connection, dialect: str, query: Query, tags: Sequence[str]) -> dict[str, tuple[Facet, ...]]:
    """Counts by type, account, region and the given tags: each over what the *other* conditions let through."""
    found = _identity_facets(connection, dialect, query)
    everything = query == Query(sort=query.sort, limit=query.limit, cursor=query.cursor)
    for name in tags:
        if everything:  # the tags of living resources are all there is in their table: no need to look at the resources
            statement = select(tag.c.value, func.count()).where(tag.c.name == name).group_by(tag.c.value)
        else:
            joined = resource.join(tag, and_(tag.c.resource_row_id == resource.c.id, tag.c.name == name))
            conditions = query_conditions(query, dialect, but=f"tag:{name}")
            statement = select(tag.c.value, func.count()).select_from(joined).where(*conditions).group_by(tag.c.value)
        found[f"tag:{name}"] = _counted({row[0]: row[1] for row in connection.execute(statement)})
    return found


def _identity_facets(connection: Connection, dialect: str, query: Query) -> dict[str, tuple[Facet, ...]]:
    columns = {"type": resource.c.type, "account": resource.c.account_id, "region": resource.c.region}
    counts: dict[str, dict[str, int]] = {name: {} for name in columns}
    chosen = query.types or query.account_ids or query.regions
    if not chosen:  # one walk over the index gives all three
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
    return {name: _counted(found) for name, found in counts.items()}


def _counted(found: dict[str, int]) -> tuple[Facet, ...]:
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return tuple(Facet(*one) for one in ordered[:_FACET_VALUES])


def find_resource(connection: Connection, ref: str) -> Resource:
    """The one resource that `ref` names: `#id`, ARN or key, id, or name; living ones before deleted ones.

    NotFound with names that come near; UsageError with the candidates when several bear it.
    """
    columns = [*COLUMNS, resource.c.document]
    if ref.startswith("#") and ref[1:].isdecimal():
        if len(ref) > _MAX_NUMBER_DIGITS:
            raise UsageError(
                f"{ref[:24]}… is not the number of a resource", hint="`windlass inventory list` shows them: #1, #2 …"
            )
        row = connection.execute(select(*columns).where(resource.c.id == int(ref[1:]))).first()
        if row:
            return resource_of(row, document=True)
    for column in (resource.c.key, resource.c.resource_id, resource.c.name):
        rows = connection.execute(select(*columns).where(column == ref).limit(20)).all()
        living = [row for row in rows if row.deleted_at is None] or rows
        if len(living) == 1 or (living and column is resource.c.key):
            return resource_of(living[0], document=True)
        if living:
            listed = "".join(f"\n  #{row.id}  {row.type}  {row.account_id} {row.region}  {row.key}" for row in living)
            raise UsageError(f"{ref!r} names {len(living)} resources:{listed}", hint="Give the ARN or #number of one.")
    near = connection.execute(
        select(resource.c.name, resource.c.type).where(resource.c.name.startswith(ref[:4], autoescape=True)).limit(3)
    ).all()
    hint = (
        "Near it: " + ", ".join(f"{row.name} ({row.type})" for row in near)
        if near
        else "`windlass inventory search` finds parts."
    )
    if connection.execute(select(resource.c.id).limit(1)).first() is None:
        hint = "Nothing collected yet: run `windlass inventory collect`."
    raise NotFound(f"the inventory knows no resource {ref!r}", hint=hint)
