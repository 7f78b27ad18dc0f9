"""Resources that other accounts share with us, written once under their owner, with a relation to each account that sees them.

The owner's own listing, where it is collected, says what a shared resource is; otherwise the first viewer's does: views
differ (a viewer sees no tags of the owner), and taking turns would make a revision each time. A resource is gone when its
owner's listing says so, or, without one, when no viewer lists it any longer.
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
class _Row:
    """A shared resource in the store: what is known of it, its owner, and its open relations by viewing account."""

    key: str
    owner: str
    known: KnownResource
    viewers: Mapping[str, int]
    first_seen_at: str


def split_shared(result: ScopeResult) -> tuple[ScopeResult, tuple[Observation, ...]]:
    """The visit with the account's own resources alone, and the observations of what others share with it."""
    shared = tuple(one for one in result.observations if one.account_id != result.scope.account_id)
    if not shared:
        return result, ()
    own = tuple(one for one in result.observations if one.account_id == result.scope.account_id)
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
    """Write what is shared with the scope's account, and end what no longer is. The effects, which `write` has written.

    Does nothing for an incomplete listing.
    """
    if not result.state.complete:
        return ()
    viewer = result.scope.account_id
    seen = {one.key: one for one in shared}
    rows = _rows(connection, result, seen)
    owners_read = _owners_read(connection, result)
    reported = tuple(one for key, one in seen.items() if _reports(viewer, rows.get(key), owners_read))
    known = {one.key: rows[one.key].known for one in reported if one.key in rows}
    changed = diff_scope(known, replace(result, observations=reported), documents_of)
    unseen = [row for key, row in rows.items() if key not in seen]
    gone = [
        NewRevision(change=ChangeKind.DELETED, row_id=row.known.row_id)
        for row in unseen
        if not row.known.deleted
        and not row.viewers.keys() - {viewer}
        and row.first_seen_at > owners_read.get(row.owner, "")
    ]
    effects = (*changed, *gone)
    write(effects)
    _end(connection, [row.viewers[viewer] for row in unseen if viewer in row.viewers], when)
    _begin(connection, result, seen, viewer, when)
    return effects


def _reports(viewer: str, row: _Row | None, owners_read: Mapping[str, str]) -> bool:
    """Whether this viewer's answer says what the resource is: nobody better placed does."""
    if row is None:
        return True
    if row.owner in owners_read:
        return False
    return row.known.deleted or viewer <= min(row.viewers, default=viewer)


def _owners_read(connection: Connection, result: ScopeResult) -> dict[str, str]:
    """Accounts whose own listing of this type and region was complete once, and when it last was.

    A resource first seen after that is known from its viewers alone, until its owner is read again.
    """
    of = result.scope
    statement = select(scope.c.account_id, scope.c.last_good_at).where(
        scope.c.region == of.region,
        scope.c.type == of.type,
        scope.c.last_good_at.is_not(None),
        scope.c.account_id != of.account_id,
    )
    return {row.account_id: row.last_good_at for row in connection.execute(statement)}


def _rows(connection: Connection, result: ScopeResult, seen: Mapping[str, Observation]) -> dict[str, _Row]:
    """The stored resources that are listed now, and those that were shared with this account until now, by key."""
    of = result.scope
    columns = (
        resource.c.id,
        resource.c.key,
        resource.c.account_id,
        resource.c.digest,
        resource.c.deleted_at,
        resource.c.first_seen_at,
    )
    place = (resource.c.type == of.type, resource.c.scope_region == of.region, resource.c.account_id != of.account_id)
    until_now = select(relation.c.source_row_id).where(
        relation.c.kind == SHARED_WITH, relation.c.target == of.account_id, relation.c.valid_to.is_(None)
    )
    found = list(connection.execute(select(*columns).where(*place, resource.c.id.in_(until_now))))
    for batch in batches(sorted(seen)):
        found += connection.execute(select(*columns).where(*place, resource.c.key.in_(batch)))
    viewers = _viewers(connection, [row.id for row in found])
    return {
        row.key: _Row(
            row.key,
            row.account_id,
            KnownResource(row.id, row.digest, row.deleted_at is not None),
            viewers.get(row.id, {}),
            row.first_seen_at,
        )
        for row in found
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


def _end(connection: Connection, relation_ids: Sequence[int], when: str) -> None:
    if relation_ids:
        connection.execute(
            update(relation).where(relation.c.relation_id == bindparam("of")).values(valid_to=when),
            [{"of": relation_id} for relation_id in relation_ids],
        )


def _begin(
    connection: Connection, result: ScopeResult, seen: Mapping[str, Observation], viewer: str, when: str
) -> None:
    rows = _rows(connection, result, seen)
    fresh = [
        {
            "source_row_id": rows[key].known.row_id,
            "kind": SHARED_WITH,
            "target": viewer,
            "target_type": "",
            "valid_from": when,
            "valid_to": None,
        }
        for key in seen
        if key in rows and not rows[key].known.deleted and viewer not in rows[key].viewers
    ]
    if fresh:
        connection.execute(insert(relation), fresh)
