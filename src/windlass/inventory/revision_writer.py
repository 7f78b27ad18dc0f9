"""Writing revisions: the rows of `revision` and `resource`, and the rows derived from their documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time, parse_time
from windlass.inventory.change_events import insert_events, naming_event
from windlass.inventory.change_feed import append_to_feed
from windlass.inventory.derived_rows import StoredState, WrittenRevision, batches, write_derived_rows
from windlass.inventory.facet_groups import GroupKey, group_ids
from windlass.inventory.model import ChangeKind, Observation, Scope
from windlass.inventory.revisions import KEYFRAME_EVERY, NewRevision
from windlass.inventory.tables import resource, revision

__all__ = ["write_revisions"]


class _Current(NamedTuple):
    """What the store has of a resource before the new revision."""

    revisions: int
    changed_at: str
    name: str
    revision_id: int
    state: StoredState | None = None  # None when the resource does not exist


_NEVER_SEEN = _Current(0, "", "", 0)


def write_revisions(
    connection: Connection, dialect: str, changes: Sequence[NewRevision], scope: Scope, run_id: str, when: str
) -> None:
    """Write new revisions: end the previous ones, and update the resources and the derived rows."""
    if not changes:
        return
    current = _current(connection, list({change.row_id: None for change in changes if change.row_id is not None}))
    groups = _groups(connection, changes)
    new_ids = _insert_resources(connection, [change for change in changes if change.row_id is None], scope, when)
    revisions, closed, rows = [], [], []
    written: list[WrittenRevision] = []
    for change in changes:
        row_id = change.row_id if change.row_id is not None else new_ids[change.observation.key]  # type: ignore[union-attr]
        before = current.get(row_id, _NEVER_SEEN)
        valid_from = _after(before.changed_at, when)
        group_id = _group_of(change, groups, before)
        revisions.append(_revision_values(row_id, change, before, run_id, valid_from) | {"group_id": group_id})
        if before.revisions:
            closed.append({"closed_id": before.revision_id, "end": valid_from})
        written.append(WrittenRevision(row_id, change, parse_time(valid_from), group_id, before.state))
    if closed:
        connection.execute(
            update(revision).where(revision.c.revision_id == bindparam("closed_id")).values(valid_to=bindparam("end")),
            closed,
        )
    revision_ids = _insert_revisions(connection, revisions)
    insert_events(
        connection,
        (
            (revision_id, each.row_id, each.change.events)
            for each, revision_id in zip(written, revision_ids, strict=True)
        ),
    )
    append_to_feed(connection, scope, revision_ids)
    for each, revision_id in zip(written, revision_ids, strict=True):
        count = current.get(each.row_id, _NEVER_SEEN).revisions + 1
        values = _resource_values(each.row_id, each.change, format_time(each.valid_from), revision_id, count)
        rows.append(values | {"new_group_id": each.group_id})
    _update_resources(connection, rows)
    write_derived_rows(connection, dialect, written)


def _current(connection: Connection, row_ids: Sequence[int]) -> dict[int, _Current]:
    current = {}
    for batch in batches(row_ids):
        for row in connection.execute(select(resource).where(resource.c.id.in_(batch))):
            state = StoredState(row.name, json.loads(row.tags), json.loads(row.document), row.group_id)
            current[row.id] = _Current(
                row.revisions, row.changed_at, row.name, row.revision_id, state if row.deleted_at is None else None
            )
    return current


def _groups(connection: Connection, changes: Sequence[NewRevision]) -> dict[GroupKey, int]:
    return group_ids(connection, (_group_key(change.observation) for change in changes if change.observation))


def _group_key(of: Observation) -> GroupKey:
    return (of.type, of.account_id, of.region)


def _group_of(change: NewRevision, groups: Mapping[GroupKey, int], before: _Current) -> int:
    if change.observation:
        return groups[_group_key(change.observation)]
    return before.state.group_id if before.state else 0


def _after(changed_at: str, when: str) -> str:
    """Return `when`, or the first moment after the last change, so that a clock set back does not disorder the history."""
    if changed_at < when:
        return when
    return format_time(parse_time(changed_at) + timedelta(microseconds=1))


def _revision_values(
    row_id: int, change: NewRevision, before: _Current, run_id: str, valid_from: str
) -> dict[str, Any]:
    created = change.change is ChangeKind.CREATED
    event = naming_event(change.events) if change.events else None
    has_keyframe = change.change is not ChangeKind.DELETED and (created or before.revisions % KEYFRAME_EVERY == 0)
    return {
        "resource_row_id": row_id,
        "change": str(change.change),
        "valid_from": valid_from,
        "valid_to": None,
        # A creation has a keyframe and no patch: storing the document twice would double the history.
        "patch": "[]" if created else canonical_json(list(change.patch)),
        "keyframe": canonical_json(change.document) if has_keyframe else None,
        "name": change.observation.name if change.observation else before.name,
        "run_id": run_id,
        "actor": event.actor if event else "",
        "event_id": event.event_id if event else "",
    }


def _insert_resources(
    connection: Connection, creations: Sequence[NewRevision], scope: Scope, when: str
) -> dict[str, int]:
    rows = []
    for change in creations:
        observation = change.observation
        assert observation is not None
        rows.append(
            {
                "key": observation.key,
                "type": observation.type,
                "account_id": observation.account_id,
                "scope_region": scope.region,
                "region": observation.region,
                "resource_id": observation.resource_id,
                "arn": observation.arn,
                "name": observation.name,
                "tags": "{}",
                "document": "{}",
                "digest": change.digest,
                "measures": "{}",
                "revision_id": 0,
                "revisions": 0,
                "first_seen_at": when,
                "changed_at": when,
                "deleted_at": None,
                "group_id": 0,
            }
        )
    row_ids: dict[str, int] = {}
    for batch in batches(rows):
        inserted = connection.execute(insert(resource).returning(resource.c.id, resource.c.key), list(batch))
        row_ids.update((row.key, row.id) for row in inserted)
    return row_ids


def _insert_revisions(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    revision_ids: list[int] = []
    for batch in batches(rows):
        inserted = connection.execute(
            insert(revision).returning(revision.c.revision_id, sort_by_parameter_order=True), list(batch)
        )
        revision_ids.extend(inserted.scalars())
    return revision_ids


# Bind names differ from column names: SQLAlchemy reserves a column's own name in an UPDATE.
_EVERY_CHANGE: dict[str, Any] = {
    "revision_id": bindparam("new_revision_id"),
    "revisions": bindparam("new_revisions"),
    "changed_at": bindparam("new_changed_at"),
    "deleted_at": bindparam("new_deleted_at"),
    "group_id": bindparam("new_group_id"),
}
_OBSERVED: dict[str, Any] = {
    "name": bindparam("new_name"),
    "region": bindparam("new_region"),
    "tags": bindparam("new_tags"),
    "document": bindparam("new_document"),
    "digest": bindparam("new_digest"),
}


def _resource_values(
    row_id: int, change: NewRevision, changed_at: str, revision_id: int, revisions: int
) -> dict[str, Any]:
    observation = change.observation
    values: dict[str, Any] = {
        "row_id": row_id,
        "new_revision_id": revision_id,
        "new_revisions": revisions,
        "new_changed_at": changed_at,
        "new_deleted_at": None if observation else changed_at,
    }
    if observation is None:
        return values
    return values | {
        "new_name": observation.name,
        "new_region": observation.region,
        "new_tags": canonical_json(dict(observation.tags)),
        "new_document": canonical_json(change.document),
        "new_digest": change.digest,
    }


def _update_resources(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    target = update(resource).where(resource.c.id == bindparam("row_id"))
    deleted = [row for row in rows if "new_document" not in row]
    observed = [row for row in rows if "new_document" in row]
    if deleted:
        connection.execute(target.values(**_EVERY_CHANGE), deleted)
    if observed:
        connection.execute(target.values(**_EVERY_CHANGE, **_OBSERVED), observed)
