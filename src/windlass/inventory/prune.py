"""Thinning out old history: before a time, each resource keeps its last revision of each day, and its current one."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time, parse_time
from windlass.inventory.member_values import Interval, State, intervals, member_values, microseconds
from windlass.inventory.model import ChangeKind, Document
from windlass.inventory.revision_deletion import delete_revisions
from windlass.inventory.revisions import replay
from windlass.inventory.tables import member_value, revision

__all__ = ["prune"]


def prune(connection: Connection, before: datetime, *, dry_run: bool) -> int:
    """Remove old revisions and return how many (with `dry_run`, how many would be). States after `before` do not change.

    A kept revision gets a keyframe when the revision before it is removed, so that it can still be replayed.
    """
    cutoff = format_time(before)
    old = select(revision.c.resource_row_id).where(revision.c.valid_to < cutoff).distinct()
    statement = (
        select(revision)
        .where(revision.c.resource_row_id.in_(old))
        .order_by(revision.c.resource_row_id, revision.c.valid_from)
    )
    removed = 0
    for _, rows in groupby(connection.execute(statement).all(), key=lambda row: row.resource_row_id):
        removed += _thin(connection, list(rows), cutoff, dry_run=dry_run)
    return removed


def _thin(connection: Connection, rows: list[Any], cutoff: str, *, dry_run: bool) -> int:
    kept = [_is_kept(rows, index, cutoff) for index in range(len(rows))]
    removed = [row.revision_id for row, is_kept in zip(rows, kept, strict=True) if not is_kept]
    if dry_run or not removed:
        return len(removed)
    document: Document | None = None
    follows_a_gap = False
    states: list[State] = []
    for row, is_kept in zip(rows, kept, strict=True):
        if row.keyframe:
            document = json.loads(row.keyframe)
        elif row.change == ChangeKind.DELETED:
            document = None
        else:
            document = replay([(document, ()), (None, json.loads(row.patch))])
        states.append(_state(row, document))
        if is_kept and follows_a_gap and document is not None and not row.keyframe:
            connection.execute(
                update(revision)
                .where(revision.c.revision_id == row.revision_id)
                .values(keyframe=canonical_json(document))
            )
        follows_a_gap = not is_kept
    delete_revisions(connection, removed)
    remaining = [state for state, is_kept in zip(states, kept, strict=True) if is_kept]
    _replace_members(connection, rows[0].resource_row_id, intervals(states), intervals(remaining))
    return len(removed)


def _state(row: Any, document: Document | None) -> State:
    moment = microseconds(parse_time(row.valid_from))
    if document is None:
        return moment, frozenset()
    tags = document.get("Tags")
    values = member_values(row.name, tags if isinstance(tags, dict) else {}, document)
    return moment, frozenset((*value, row.group_id) for value in values)


def _replace_members(
    connection: Connection, row_id: int, before: Collection[Interval], after: Collection[Interval]
) -> None:
    """Update the index to the remaining revisions: from one to the next, the state of the former is valid."""
    gone = [
        {"p": item[0], "v": item[1], "g": item[2], "f": start}
        for item, start, _ in sorted(set(before) - set(after), key=repr)
    ]
    new = [
        {
            "pointer": item[0],
            "value": item[1],
            "group_id": item[2],
            "resource_row_id": row_id,
            "valid_from": start,
            "valid_to": end,
        }
        for item, start, end in set(after) - set(before)
    ]
    if gone:
        connection.execute(
            delete(member_value).where(
                member_value.c.pointer == bindparam("p"),
                member_value.c.value == bindparam("v"),
                member_value.c.group_id == bindparam("g"),
                member_value.c.resource_row_id == row_id,
                member_value.c.valid_from == bindparam("f"),
            ),
            gone,
        )
    if new:
        connection.execute(insert(member_value), new)


def _is_kept(rows: list[Any], index: int, cutoff: str) -> bool:
    row = rows[index]
    if index == 0 or row.valid_to is None or row.valid_to >= cutoff:
        return True
    following = rows[index + 1] if index + 1 < len(rows) else None
    # The last revision of a day is kept: it is the state at the end of the day.
    return following is None or following.valid_from[:10] != row.valid_from[:10]
