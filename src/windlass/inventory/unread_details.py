"""Details that the last scan did not read: one row per resource, with the time when each was last read."""

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


def detail_read_times(store: Store, scanned_scope: Scope) -> ReadTimes:
    """Return when the details of the scope's resources were last read, by id and by ARN; empty when none is unread."""
    with store.read() as connection:
        unread = _unread(connection, scanned_scope)
        if not unread:
            return {}
        last_good_at = _last_good_at(connection, scanned_scope)
        rows = connection.execute(_existing(scanned_scope)).all()
    read_times: dict[str, dict[str, str]] = {}
    for row in rows:
        read_times[row.key] = read_times[row.resource_id] = {"": last_good_at, **unread.get(row.id, {})}
    return read_times


def unread_details(connection: Connection, row_id: int) -> dict[str, str]:
    """Return the keys of the document that the last scan did not read, with the times of their last read ('' for never)."""
    read_at = connection.execute(
        select(unread_detail.c.read_at).where(unread_detail.c.resource_row_id == row_id)
    ).scalar()
    return dict(json.loads(read_at)) if read_at else {}


def write_unread_details(connection: Connection, result: ScopeResult) -> None:
    """Replace the scope's rows after a complete scan. Call it before the scope's own row is written."""
    if not result.state.complete:
        return
    before = _unread(connection, result.scope)
    unread_keys = {observation.key: observation.unknown for observation in result.observations if observation.unknown}
    if not before and not unread_keys:
        return
    last_good_at = _last_good_at(connection, result.scope)
    after: dict[int, dict[str, str]] = {}
    for row in connection.execute(_existing(result.scope)):
        keys = unread_keys.get(row.key)
        if keys:
            # Details read in the last complete scan have that scan's time; those of a new resource were never read.
            read_at = last_good_at if row.first_seen_at <= last_good_at else ""
            known = before.get(row.id, {})
            after[row.id] = {key: known.get(key, read_at) for key in sorted(keys)}
    changed = [row_id for row_id, times in after.items() if before.get(row_id) != times]
    outdated = set(changed)
    _delete(connection, [row_id for row_id in before if row_id not in after or row_id in outdated])
    rows = [{"resource_row_id": row_id, "read_at": canonical_json(after[row_id])} for row_id in changed]
    for batch in batches(rows):
        connection.execute(insert(unread_detail), list(batch))


def _delete(connection: Connection, row_ids: Iterable[int]) -> None:
    for batch in batches(list(row_ids)):
        connection.execute(delete(unread_detail).where(unread_detail.c.resource_row_id.in_(batch)))


def _last_good_at(connection: Connection, scanned_scope: Scope) -> str:
    statement = select(scope.c.last_good_at).where(
        scope.c.account_id == scanned_scope.account_id,
        scope.c.region == scanned_scope.region,
        scope.c.type == scanned_scope.type,
    )
    return connection.execute(statement).scalar() or ""


def _existing(scanned_scope: Scope) -> Any:
    return select(resource.c.id, resource.c.key, resource.c.resource_id, resource.c.first_seen_at).where(
        resource.c.account_id == scanned_scope.account_id,
        resource.c.scope_region == scanned_scope.region,
        resource.c.type == scanned_scope.type,
        resource.c.deleted_at.is_(None),
    )


def _unread(connection: Connection, scanned_scope: Scope) -> dict[int, dict[str, str]]:
    statement = (
        select(unread_detail.c.resource_row_id, unread_detail.c.read_at)
        .join(resource, resource.c.id == unread_detail.c.resource_row_id)
        .where(
            resource.c.account_id == scanned_scope.account_id,
            resource.c.scope_region == scanned_scope.region,
            resource.c.type == scanned_scope.type,
        )
    )
    return {row.resource_row_id: json.loads(row.read_at) for row in connection.execute(statement)}
