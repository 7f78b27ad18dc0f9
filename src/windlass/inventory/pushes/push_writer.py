"""Writes one push in one transaction: revisions, what was sent, and at the end of a run the deletions and the scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, case, func, select

from windlass.core.clock import format_time
from windlass.inventory.derived_rows import batches
from windlass.inventory.events.read_times import newer_reads, record_reads
from windlass.inventory.model import ChangeKind, Observation, Scope, ScopeResult, ScopeState
from windlass.inventory.pushes.model import ItemOutcome, ItemResult, Push, PushResult
from windlass.inventory.revision_writer import write_revisions
from windlass.inventory.revisions import KnownResource, NewRevision, diff_scope
from windlass.inventory.tables import resource, scope
from windlass.inventory.writer import documents_of, lock_type
from windlass.store.engine import Store

__all__ = ["CheckedItem", "write_push"]

_TICK = timedelta(microseconds=1)  # the resolution of times in the store
_OUTCOMES = {ChangeKind.CREATED: ItemOutcome.CREATED, ChangeKind.UPDATED: ItemOutcome.UPDATED}


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """A pushed resource with its observation, or with the reason why it is refused."""

    id: str  # as the collector sent it
    stored_id: str  # redacted
    observation: Observation | None = None
    refusal: str = ""


def write_push(store: Store, push: Push, items: Sequence[CheckedItem]) -> PushResult:
    """Write a push and return the outcome of each item. See README.md for what never happens."""
    return store.transact(lambda connection: _write(store, connection, push, items))


def _write(store: Store, connection: Connection, push: Push, items: Sequence[CheckedItem]) -> PushResult:
    of, when = push.scope.stored, format_time(push.observed_at)
    lock_type(connection, Scope("", "", of.type))  # all sources of the type: they must not store one key twice
    if _last_completed(connection, of) > when:
        return PushResult(tuple(ItemResult(item.id, ItemOutcome.STALE) for item in items))
    later = newer_reads(connection, of, push.observed_at + _TICK, forget=False)
    elsewhere = _keys_elsewhere(connection, of, items)
    outcomes: list[ItemResult | None] = []
    accepted: list[Observation] = []
    for item in items:
        outcomes.append(_refused(item, later, elsewhere))
        if outcomes[-1] is None and item.observation is not None:
            accepted.append(item.observation)
    changes = _changes(connection, push, accepted)
    changed = {change.observation.key: change.change for change in changes if change.observation}
    record_reads(store, connection, of, [item.stored_id for item in items], push.observed_at)
    deletions = _deletions(connection, push) if push.complete else ()
    write_revisions(connection, store.dialect, (*changes, *deletions), of, push.scope.run_id, when)
    if push.complete:
        _write_scope(store, connection, push, when)
    results = (
        outcome or ItemResult(item.id, _outcome_of(item.observation, changed))
        for item, outcome in zip(items, outcomes, strict=True)
    )
    return PushResult(tuple(results), len(deletions), push.complete)


def _last_completed(connection: Connection, of: Scope) -> str:
    statement = select(scope.c.last_good_at).where(
        scope.c.account_id == of.account_id, scope.c.region == of.region, scope.c.type == of.type
    )
    return connection.execute(statement).scalar() or ""


def _keys_elsewhere(connection: Connection, of: Scope, items: Sequence[CheckedItem]) -> dict[str, str]:
    """Return the keys of these items that another scope has, with its type."""
    keys = [item.observation.key for item in items if item.observation]
    elsewhere = {}
    for batch in batches(keys):
        statement = select(
            resource.c.key, resource.c.type, resource.c.account_id, resource.c.scope_region.label("region")
        ).where(resource.c.key.in_(batch), resource.c.deleted_at.is_(None))
        for row in connection.execute(statement):
            if Scope(row.account_id, row.region, row.type) != of:
                elsewhere[row.key] = row.type
    return elsewhere


def _refused(item: CheckedItem, later: frozenset[str], elsewhere: Mapping[str, str]) -> ItemResult | None:
    """Return the result of an item that writes nothing; None for one that may."""
    if item.observation is None:
        return ItemResult(item.id, ItemOutcome.REFUSED, item.refusal)
    if item.observation.key in elsewhere:
        detail = f"another source or scope has this resource, as {elsewhere[item.observation.key]}"
        return ItemResult(item.id, ItemOutcome.REFUSED, detail)
    if item.stored_id in later:
        return ItemResult(item.id, ItemOutcome.STALE)
    return None


def _changes(connection: Connection, push: Push, accepted: Sequence[Observation]) -> tuple[NewRevision, ...]:
    of = push.scope.stored
    known: dict[str, KnownResource] = {}
    for batch in batches([observation.key for observation in accepted]):
        statement = select(resource).where(
            resource.c.account_id == of.account_id,
            resource.c.scope_region == of.region,
            resource.c.type == of.type,
            resource.c.key.in_(batch),
        )
        for row in connection.execute(statement):
            known[row.key] = KnownResource(row.id, row.digest, row.deleted_at is not None, row.resource_id, row.region)
    result = ScopeResult(
        scope=of,
        state=ScopeState.OK,
        observations=tuple(accepted),
        started_at=push.observed_at,
        finished_at=push.observed_at,
    )
    return diff_scope(known, result, lambda row_ids: documents_of(connection, row_ids))


def _deletions(connection: Connection, push: Push) -> tuple[NewRevision, ...]:
    """Return a deletion for every resource of the scope that neither this run nor a later one has sent."""
    of = push.scope.stored
    sent = newer_reads(connection, of, push.observed_at, forget=True)
    statement = select(resource.c.id, resource.c.resource_id).where(
        resource.c.account_id == of.account_id,
        resource.c.scope_region == of.region,
        resource.c.type == of.type,
        resource.c.deleted_at.is_(None),
    )
    return tuple(
        NewRevision(change=ChangeKind.DELETED, row_id=row.id)
        for row in connection.execute(statement)
        if row.resource_id not in sent
    )


def _write_scope(store: Store, connection: Connection, push: Push, when: str) -> None:
    of = push.scope.stored
    alive = select(func.count()).where(
        resource.c.account_id == of.account_id,
        resource.c.scope_region == of.region,
        resource.c.type == of.type,
        resource.c.deleted_at.is_(None),
    )
    values = {
        "state": str(ScopeState.OK),
        "error_code": "",
        "error": "",
        "resources": connection.execute(alive).scalar_one(),
        "calls": 0,
        "duration_s": 0.0,
        "scanned_at": when,
        "run_id": push.scope.run_id,
        "details_unknown": 0,
        "last_good_at": when,
    }
    key = {"account_id": of.account_id, "region": of.region, "type": of.type}
    insertion = store.upsert(scope).values(**key, **values, state_since=when)
    changed = {name: insertion.excluded[name] for name in values}
    changed["state_since"] = case(
        (scope.c.state == insertion.excluded.state, scope.c.state_since), else_=insertion.excluded.state_since
    )
    connection.execute(insertion.on_conflict_do_update(index_elements=list(key), set_=changed))


def _outcome_of(observation: Observation | None, changed: Mapping[str, ChangeKind]) -> ItemOutcome:
    change = changed.get(observation.key) if observation else None
    return _OUTCOMES[change] if change else ItemOutcome.UNCHANGED
