"""Thinning out old history: of each resource and day before a time, the last revision stays; the current one always."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, delete, select, update

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time
from windlass.inventory.model import ChangeKind, Document
from windlass.inventory.revisions import replay
from windlass.inventory.tables import revision

__all__ = ["prune"]


def prune(connection: Connection, before: datetime, *, dry_run: bool) -> int:
    """How many revisions went (or would). Every time after `before` stays exactly as it was.

    What stays gets a keyframe where revisions before it went, so that nothing depends on what is no longer there.
    """
    limit = format_time(before)
    old = select(revision.c.resource_row_id).where(revision.c.valid_to < limit).distinct()
    statement = (
        select(revision)
        .where(revision.c.resource_row_id.in_(old))
        .order_by(revision.c.resource_row_id, revision.c.valid_from)
    )
    removed = 0
    for _, rows in groupby(connection.execute(statement).all(), key=lambda row: row.resource_row_id):
        removed += _thin(connection, list(rows), limit, dry_run=dry_run)
    return removed


def _thin(connection: Connection, rows: list[Any], limit: str, *, dry_run: bool) -> int:
    keep = [_stays(rows, at, limit) for at in range(len(rows))]
    gone = [row.revision_id for row, stays in zip(rows, keep, strict=True) if not stays]
    if dry_run or not gone:
        return len(gone)
    document: Document | None = None
    follows_a_gap = False
    for row, stays in zip(rows, keep, strict=True):
        if row.keyframe:
            document = json.loads(row.keyframe)
        elif row.change == ChangeKind.DELETED:
            document = None
        else:
            document = replay([(document, ()), (None, json.loads(row.patch))])
        if stays and follows_a_gap and document is not None and not row.keyframe:
            connection.execute(
                update(revision)
                .where(revision.c.revision_id == row.revision_id)
                .values(keyframe=canonical_json(document))
            )
        follows_a_gap = not stays
    connection.execute(delete(revision).where(revision.c.revision_id.in_(gone)))
    return len(gone)


def _stays(rows: list[Any], at: int, limit: str) -> bool:
    row = rows[at]
    if at == 0 or row.valid_to is None or row.valid_to >= limit:
        return True
    following = rows[at + 1] if at + 1 < len(rows) else None
    # Of one day's revisions the last stays: it is what the day ended with.
    return following is None or following.valid_from[:10] != row.valid_from[:10]
