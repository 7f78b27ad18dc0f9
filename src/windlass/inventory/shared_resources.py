"""Resources that other accounts share with us, stored once under their owner, with a relation to each account that sees them.

The document comes from the owner's own listing where it is collected, else from that of the first viewer. Views differ (a
viewer does not see the owner's tags): alternating between them would cause a revision each time. A resource is
deleted when its owner no longer lists it, or, without the owner's listing, when no viewer lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, insert, select, update

from windlass.inventory.derived_rows import SHARED_WITH, batches
from windlass.inventory.model import ChangeKind, Document, Observation, ScopeResult
from windlass.inventory.revisions import KnownResource, NewRevision, diff_scope
from windlass.inventory.tables import relation, resource, scope

__all__ = ["split_shared", "write_shared"]


@dataclass(frozen=True, slots=True)
class _SharedRow:
    """A shared resource in the store: its owner, and its current relations by viewing account."""

    key: str
    owner: str
    known: KnownResource
    viewers: Mapping[str, int]
    first_seen_at: str


def split_shared(result: ScopeResult) -> tuple[ScopeResult, tuple[Observation, ...]]:
    """Split a result into the account's own resources and those that other accounts share with it."""
    account_id = result.scope.account_id
    shared = tuple(observation for observation in result.observations if observation.account_id != account_id)
    if not shared:
        return result, ()
    own = tuple(observation for observation in result.observations if observation.account_id == account_id)
    return replace(result, observations=own), shared


def write_shared(
    connection: Connection,
    result: ScopeResult,
    shared: Sequence[Observation],
    when: str,
    *,
    documents_of: Callable[[Sequence[int]], Mapping[int, Document]],
    write: Callable[[Sequence[NewRevision]], None],
) -> tuple[NewRevision, ...]:
    """Write the resources shared with the scope's account, and end the relations of resources that are no longer shared.

    Return the new revisions, which `write` has written; none for an incomplete scan.
    """
    if not result.state.complete:
        return ()
    viewer = result.scope.account_id
    listed = {observation.key: observation for observation in shared}
    rows = _rows(connection, result, listed)
    if not rows and not listed:
        return ()
    owners_read = _owners_read(connection, result)
    reported = tuple(item for key, item in listed.items() if _is_authority(viewer, rows.get(key), owners_read))
    known = {item.key: rows[item.key].known for item in reported if item.key in rows}
    changed = diff_scope(known, replace(result, observations=reported), documents_of)
    unlisted = [row for key, row in rows.items() if key not in listed]
    deleted = [
        NewRevision(change=ChangeKind.DELETED, row_id=row.known.row_id)
        for row in unlisted
        if not row.known.deleted
        and not row.viewers.keys() - {viewer}
        and row.first_seen_at > owners_read.get(row.owner, "")
    ]
    revisions = (*changed, *deleted)
    write(revisions)
    _end_relations(connection, [row.viewers[viewer] for row in unlisted if viewer in row.viewers], when)
    _begin_relations(connection, result, listed, viewer, when)
    return revisions


def _is_authority(viewer: str, row: _SharedRow | None, owners_read: Mapping[str, str]) -> bool:
    """True when the document comes from this viewer: neither the owner nor an earlier viewer lists the resource."""
    if row is None:
        return True
    if row.owner in owners_read:
        return False
    return row.known.deleted or viewer <= min(row.viewers, default=viewer)


def _owners_read(connection: Connection, result: ScopeResult) -> dict[str, str]:
    """Return the accounts whose own listing of this type and region was complete once, and when it last was.

    A resource first seen after that time is known from its viewers alone, until its owner is scanned again.
    """
    of = result.scope
    statement = select(scope.c.account_id, scope.c.last_good_at).where(
        scope.c.region == of.region,
        scope.c.type == of.type,
        scope.c.last_good_at.is_not(None),
        scope.c.account_id != of.account_id,
    )
    return {row.account_id: row.last_good_at for row in connection.execute(statement)}


def _rows(connection: Connection, result: ScopeResult, listed: Mapping[str, Observation]) -> dict[str, _SharedRow]:
    """Return the stored resources, by key, that are listed now or were shared with this account until now."""
    of = result.scope
    columns = (
        resource.c.id,
        resource.c.key,
        resource.c.account_id,
        resource.c.digest,
        resource.c.deleted_at,
        resource.c.first_seen_at,
    )
    of_type = (resource.c.type == of.type, resource.c.scope_region == of.region, resource.c.account_id != of.account_id)
    until_now = select(relation.c.source_row_id).where(
        relation.c.kind == SHARED_WITH, relation.c.target == of.account_id, relation.c.valid_to.is_(None)
    )
    rows = list(connection.execute(select(*columns).where(*of_type, resource.c.id.in_(until_now))))
    for batch in batches(sorted(listed)):
        rows += connection.execute(select(*columns).where(*of_type, resource.c.key.in_(batch)))
    viewers = _viewers(connection, [row.id for row in rows])
    return {
        row.key: _SharedRow(
            row.key,
            row.account_id,
            KnownResource(row.id, row.digest, row.deleted_at is not None),
            viewers.get(row.id, {}),
            row.first_seen_at,
        )
        for row in rows
    }


def _viewers(connection: Connection, row_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    viewers: dict[int, dict[str, int]] = {}
    for batch in batches(sorted(set(row_ids))):
        statement = select(relation).where(
            relation.c.source_row_id.in_(batch), relation.c.kind == SHARED_WITH, relation.c.valid_to.is_(None)
        )
        for row in connection.execute(statement):
            viewers.setdefault(row.source_row_id, {})[row.target] = row.relation_id
    return viewers


def _end_relations(connection: Connection, relation_ids: Sequence[int], when: str) -> None:
    if relation_ids:
        connection.execute(
            update(relation).where(relation.c.relation_id == bindparam("ended_id")).values(valid_to=when),
            [{"ended_id": relation_id} for relation_id in relation_ids],
        )


def _begin_relations(
    connection: Connection, result: ScopeResult, listed: Mapping[str, Observation], viewer: str, when: str
) -> None:
    if not listed:
        return
    rows = _rows(connection, result, listed)
    new_relations = [
        {
            "source_row_id": rows[key].known.row_id,
            "kind": SHARED_WITH,
            "target": viewer,
            "target_type": "",
            "valid_from": when,
            "valid_to": None,
        }
        for key in listed
        if key in rows and not rows[key].known.deleted and viewer not in rows[key].viewers
    ]
    if new_relations:
        connection.execute(insert(relation), new_relations)
