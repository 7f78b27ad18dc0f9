"""Details that the last visit did not read: of which resource, and when each was last read. One row per such resource."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from windlass.core.canonical import canonical_json
from windlass.inventory.derived_rows import batches
from windlass.inventory.detail_reader import ReadTimes
from windlass.inventory.model import Scope, ScopeResult
from windlass.inventory.tables import resource, scope, unread_detail
from windlass.store.engine import Store

__all__ = ["detail_read_times", "unread_details", "write_unread_details"]


def detail_read_times(store: Store, of: Scope) -> ReadTimes:
    """When the details of the scope's resources were last read, by id and by ARN; empty when all were in the last visit."""
    with store.read() as connection:
        gaps = _gaps(connection, of)
        if not gaps:
            return {}
        last_good_at = _last_good_at(connection, of)
        rows = connection.execute(_live(of)).all()
    ages: dict[str, dict[str, str]] = {}
    for row in rows:
        ages[row.key] = ages[row.resource_id] = {"": last_good_at, **gaps.get(row.id, {})}
    return ages


def unread_details(connection: Connection, row_id: int) -> dict[str, str]:
    """Keys of the resource's document that the last visit did not read, and when they were last read ('' for never)."""
    found = connection.execute(
        select(unread_detail.c.read_at).where(unread_detail.c.resource_row_id == row_id)
    ).scalar()
    return dict(json.loads(found)) if found else {}


def write_unread_details(connection: Connection, result: ScopeResult) -> None:
    """Renew the scope's gaps after a complete listing; call it before the scope's row is written."""
    if not result.state.complete:
        return
    earlier = _gaps(connection, result.scope)
    unread = {one.key: one.unknown for one in result.observations if one.unknown}
    if not earlier and not unread:
        return
    last_good_at = _last_good_at(connection, result.scope)
    fresh: dict[int, dict[str, str]] = {}
    for row in connection.execute(_live(result.scope)):
        keys = unread.get(row.key)
        if keys:
            # What was read in the last complete visit has that visit's time; a resource found only now has none.
            since = last_good_at if row.first_seen_at <= last_good_at else ""
            known = earlier.get(row.id, {})
            fresh[row.id] = {key: known.get(key, since) for key in sorted(keys)}
    changed = [row_id for row_id, gap in fresh.items() if earlier.get(row_id) != gap]
    _remove(
        connection,
        [*(row_id for row_id in earlier if row_id not in fresh), *(row_id for row_id in changed if row_id in earlier)],
    )
    rows = [{"resource_row_id": row_id, "read_at": canonical_json(fresh[row_id])} for row_id in changed]
    for batch in batches(rows):
        connection.execute(insert(unread_detail), list(batch))


def _remove(connection: Connection, row_ids: Iterable[int]) -> None:
    for batch in batches(list(row_ids)):
        connection.execute(delete(unread_detail).where(unread_detail.c.resource_row_id.in_(batch)))


def _last_good_at(connection: Connection, of: Scope) -> str:
    statement = select(scope.c.last_good_at).where(
        scope.c.account_id == of.account_id, scope.c.region == of.region, scope.c.type == of.type
    )
    return connection.execute(statement).scalar() or ""


def _live(of: Scope) -> Any:
    return select(resource.c.id, resource.c.key, resource.c.resource_id, resource.c.first_seen_at).where(
        resource.c.account_id == of.account_id,
        resource.c.scope_region == of.region,
        resource.c.type == of.type,
        resource.c.deleted_at.is_(None),
    )


def _gaps(connection: Connection, of: Scope) -> dict[int, dict[str, str]]:
    statement = (
        select(unread_detail.c.resource_row_id, unread_detail.c.read_at)
        .join(resource, resource.c.id == unread_detail.c.resource_row_id)
        .where(resource.c.account_id == of.account_id, resource.c.scope_region == of.region, resource.c.type == of.type)
    )
    return {row.resource_row_id: json.loads(row.read_at) for row in connection.execute(statement)}
