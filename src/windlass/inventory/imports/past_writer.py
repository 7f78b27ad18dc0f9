"""Writes past states: their revisions and the index. Windlass's own observations never change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from windlass.core.canonical import canonical_json, digest
from windlass.core.clock import format_time, parse_time
from windlass.core.patch import make_patch
from windlass.inventory.derived_rows import batches
from windlass.inventory.facet_groups import group_ids
from windlass.inventory.imports.config_items import ItemState
from windlass.inventory.imports.past_states import PastRevision, PastState, merged_states, past_revisions
from windlass.inventory.member_values import State, intervals, member_values, microseconds
from windlass.inventory.model import ChangeKind, Document, Observation
from windlass.inventory.revision_deletion import delete_revisions
from windlass.inventory.revisions import replay
from windlass.inventory.tables import member_value, resource, revision

__all__ = ["IMPORT_RUN", "resource_of_state", "write_past"]

IMPORT_RUN = "import:config"
"""The `run_id` of imported revisions."""


def resource_of_state(connection: Connection, state: ItemState) -> Any:
    """Return the resource's row in the store; None when there is none."""
    in_scope = select(resource).where(
        resource.c.account_id == state.scope.account_id,
        resource.c.type == state.scope.type,
        resource.c.scope_region == state.scope.region,
    )
    observed = state.observation
    if observed is not None:  # its key is in the index; a name has to be looked for in all of the scope
        keys = (observed.key, replace(observed, arn="").key)
        return connection.execute(in_scope.where(resource.c.key.in_(keys)).limit(1)).first()
    by_name = or_(resource.c.key.in_(state.names), resource.c.resource_id.in_(state.names))
    return connection.execute(in_scope.where(by_name).limit(1)).first()


def write_past(connection: Connection, row: Any, states: Sequence[ItemState]) -> int:
    """Write the past states of one resource; return how many revisions are new. `row` is None for an unknown resource.

    A resource that only Config ever saw is created here; the next collection compares it with AWS's response.
    """
    last = next((state.observation for state in reversed(states) if state.observation is not None), None)
    if row is None:
        if last is None:
            return 0  # it was deleted before the oldest file
        row = _insert_resource(connection, states[0], last)
    own = connection.execute(
        select(revision)
        .where(revision.c.resource_row_id == row.id, revision.c.run_id != IMPORT_RUN)
        .order_by(revision.c.valid_from)
        .limit(1)
    ).first()
    stored = connection.execute(
        select(revision)
        .where(revision.c.resource_row_id == row.id, revision.c.run_id == IMPORT_RUN)
        .order_by(revision.c.valid_from)
    ).all()
    before = own.valid_from if own else None
    merged = merged_states(_stored_states(stored), map(_past_state, states), before=before)
    revisions = past_revisions(merged, before=before)
    group_id = row.group_id or (group_ids(connection, [_group(last)])[_group(last)] if last else 0)
    new = _write_revisions(connection, row.id, group_id, stored, revisions)
    _write_members(connection, row.id, group_id, merged, before)
    if own is not None:
        _follow(connection, own, merged[-1].document if merged else None)
    _write_resource(connection, row, group_id, merged, has_own=own is not None, last=last)
    return new


def _group(of: Observation) -> tuple[str, str, str]:
    return (of.type, of.account_id, of.region)


def _past_state(state: ItemState) -> PastState:
    observed = state.observation
    return PastState(format_time(state.at), observed.document if observed else None, observed.name if observed else "")


def _stored_states(rows: Sequence[Any]) -> list[PastState]:
    states = []
    document: Document | None = None
    for row in rows:
        step = (json.loads(row.keyframe) if row.keyframe else None, json.loads(row.patch))
        document = replay([(document, ()), step]) if document is not None else replay([step])
        states.append(PastState(row.valid_from, document, row.name))
    return states


def _insert_resource(connection: Connection, first: ItemState, last: Observation) -> Any:
    at = format_time(first.at)
    values = {
        "key": last.key,
        "type": last.type,
        "account_id": last.account_id,
        "scope_region": first.scope.region,
        "region": last.region,
        "resource_id": last.resource_id,
        "arn": last.arn,
        "name": last.name,
        "tags": "{}",
        "document": "{}",
        "digest": "",
        "measures": "{}",
        "revision_id": 0,
        "revisions": 0,
        "first_seen_at": at,
        "changed_at": at,
        "deleted_at": None,
        "group_id": 0,
    }
    row_id = connection.execute(insert(resource).returning(resource.c.id), values).scalar_one()
    return connection.execute(select(resource).where(resource.c.id == row_id)).one()


def _write_revisions(
    connection: Connection, row_id: int, group_id: int, stored: Sequence[Any], revisions: Sequence[PastRevision]
) -> int:
    """Bring the imported rows to these revisions: rows keep their ids, and so their events."""
    by_time = {row.valid_from: row for row in stored}
    new, changed = [], []
    for past in revisions:
        values = {
            "change": str(past.change),
            "valid_to": past.valid_to,
            "patch": canonical_json(list(past.patch)),
            "keyframe": canonical_json(past.keyframe) if past.keyframe is not None else None,
            "name": past.state.name,
            "group_id": group_id,
        }
        row = by_time.pop(past.state.at, None)
        if row is None:
            fixed = {"resource_row_id": row_id, "valid_from": past.state.at, "run_id": IMPORT_RUN}
            new.append(values | fixed | {"actor": "", "event_id": ""})
        elif any(getattr(row, name) != value for name, value in values.items()):
            changed.append({f"new_{name}": value for name, value in values.items()} | {"row": row.revision_id})
    for batch in batches(new):
        connection.execute(insert(revision), list(batch))
    if changed:
        names = ("change", "valid_to", "patch", "keyframe", "name", "group_id")
        statement = update(revision).where(revision.c.revision_id == bindparam("row"))
        connection.execute(statement.values({name: bindparam(f"new_{name}") for name in names}), changed)
    delete_revisions(connection, [row.revision_id for row in by_time.values()])
    return len(new)


def _write_members(
    connection: Connection, row_id: int, group_id: int, states: Sequence[PastState], before: str | None
) -> None:
    """Write the index of the imported time, up to our own first observation."""
    end = microseconds(parse_time(before)) if before else None
    condition = [member_value.c.resource_row_id == row_id]
    if end is not None:
        condition.append(member_value.c.valid_from < end)
    connection.execute(delete(member_value).where(*condition))
    timeline: list[State] = [(microseconds(parse_time(state.at)), _members(state, group_id)) for state in states]
    if end is not None:
        timeline.append((end, frozenset()))
    rows = [
        {
            "pointer": pointer,
            "value": value,
            "group_id": group,
            "resource_row_id": row_id,
            "valid_from": start,
            "valid_to": stop,
        }
        for (pointer, value, group), start, stop in intervals(timeline)
    ]
    for batch in batches(rows):
        connection.execute(insert(member_value), list(batch))


def _members(state: PastState, group_id: int) -> frozenset[tuple[int, str, int]]:
    if state.document is None:
        return frozenset()
    tags = state.document.get("Tags")
    values = member_values(state.name, tags if isinstance(tags, dict) else {}, state.document)
    return frozenset((*value, group_id) for value in values)


def _follow(connection: Connection, own: Any, previous: Document | None) -> None:
    """Make our own first revision follow the imported ones: an update of Config's last state, else the creation.

    Its document and its time stay as they were.
    """
    if own.keyframe is None or own.change == ChangeKind.DELETED:
        return
    document = json.loads(own.keyframe)
    patch = make_patch(previous, document) if previous is not None else []
    change = ChangeKind.CREATED if previous is None else ChangeKind.UPDATED
    connection.execute(
        update(revision)
        .where(revision.c.revision_id == own.revision_id)
        .values(change=str(change), patch=canonical_json(list(patch)))
    )


def _write_resource(
    connection: Connection,
    row: Any,
    group_id: int,
    states: Sequence[PastState],
    *,
    has_own: bool,
    last: Observation | None,
) -> None:
    ids = select(revision.c.revision_id).where(revision.c.resource_row_id == row.id)
    rows = connection.execute(ids.order_by(revision.c.valid_from)).scalars().all()
    values: dict[str, Any] = {"revisions": len(rows)}
    if states:
        values["first_seen_at"] = min(states[0].at, row.first_seen_at)
    if not has_own and states:
        newest = states[-1]
        values |= {
            "revision_id": rows[-1],
            "changed_at": newest.at,
            "deleted_at": newest.at if newest.document is None else None,
            "group_id": group_id,
        }
        document = newest.document or next((state.document for state in reversed(states) if state.document), None)
        if document is not None:
            tags = document.get("Tags")
            values |= {
                "document": canonical_json(document),
                "digest": digest(document),
                "tags": canonical_json(tags if isinstance(tags, dict) else {}),
            }
            if last is not None:
                values |= {"name": newest.name or last.name, "region": last.region}
    connection.execute(update(resource).where(resource.c.id == row.id).values(**values))
