"""Writing the result of a scope's scan: one transaction per scope, so that a killed process leaves no half-written scope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, case, select, text, update

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time
from windlass.inventory.derived_rows import batches
from windlass.inventory.events.read_times import newer_reads, without
from windlass.inventory.model import ChangeKind, Document, Scope, ScopeResult, ScopeState
from windlass.inventory.revision_writer import write_revisions
from windlass.inventory.revisions import KnownResource, NewRevision, diff_scope, match_known
from windlass.inventory.run_workers import run_worker
from windlass.inventory.scope_result import INTERRUPTED
from windlass.inventory.shared_resources import split_shared, write_shared
from windlass.inventory.tables import resource, run, scope, scope_failure
from windlass.inventory.unread_details import write_unread_details
from windlass.store.engine import Store

__all__ = ["ChangeCounts", "count_changes", "documents_of", "known_resources", "lock_type", "write_result"]


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many resources a scan created, updated and deleted."""

    created: int = 0
    updated: int = 0
    deleted: int = 0


def write_result(store: Store, run_id: str, result: ScopeResult, *, worker: str = "") -> ChangeCounts:
    """Write what a scan returned: revisions, current documents, relations, the scope's state, the counts.

    The counts are added to those of the run's `worker`, or to the run's own when it has none. A result that is already in
    the store, because the response to its commit was lost, is not written again.
    """
    when = format_time(result.finished_at)

    def write(connection: Connection) -> ChangeCounts:
        if _is_written(connection, run_id, result.scope, when):
            return ChangeCounts()
        lock_type(connection, result.scope)
        newer = newer_reads(connection, result.scope, result.started_at, forget=result.state.complete)
        known, current = without(known_resources(connection, result.scope), result, newer)
        own, shared = split_shared(current)
        own, renewed = match_known(known, own)
        _renew_keys(connection, known, renewed)
        matched = replace(own, observations=(*own.observations, *shared))
        changes = diff_scope(known, own, lambda row_ids: documents_of(connection, row_ids))
        write_revisions(connection, store.dialect, changes, own.scope, run_id, when)
        changes += write_shared(
            connection,
            matched,
            shared,
            when,
            documents_of=lambda row_ids: documents_of(connection, row_ids),
            write=lambda more: write_revisions(connection, store.dialect, more, matched.scope, run_id, when),
        )
        _write_measures(connection, matched)
        write_unread_details(connection, matched)
        counts = count_changes(changes)
        _write_scope(store, connection, run_id, result, when)
        _add_counts(connection, run_id, worker, result, counts)
        return counts

    return store.transact(write)


def _is_written(connection: Connection, run_id: str, of: Scope, when: str) -> bool:
    statement = select(scope.c.type).where(
        scope.c.account_id == of.account_id,
        scope.c.region == of.region,
        scope.c.type == of.type,
        scope.c.run_id == run_id,
        scope.c.scanned_at == when,
    )
    return connection.execute(statement).first() is not None


def lock_type(connection: Connection, of: Scope) -> None:
    """Lock this type and region against writes by other processes until the transaction ends.

    Two accounts that see a shared resource write the same row. SQLite has only one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        connection.execute(lock, {"name": f"windlass {of.type} {of.region}"})


def known_resources(connection: Connection, of: Scope) -> dict[str, KnownResource]:
    """Return the scope's resources in the store, deleted ones included, by key."""
    columns = (resource.c.key, resource.c.id, resource.c.digest, resource.c.deleted_at, resource.c.resource_id)
    statement = select(*columns, resource.c.region).where(
        resource.c.account_id == of.account_id, resource.c.scope_region == of.region, resource.c.type == of.type
    )
    return {
        row.key: KnownResource(row.id, row.digest, row.deleted_at is not None, row.resource_id, row.region)
        for row in connection.execute(statement)
    }


def _renew_keys(connection: Connection, known: dict[str, KnownResource], renewed: Mapping[str, str]) -> None:
    """Replace, in the store and in `known`, the keys of resources that had only their id until their ARN was read."""
    for old, new in renewed.items():
        known_resource = known[new] = known.pop(old)
        connection.execute(update(resource).where(resource.c.id == known_resource.row_id).values(key=new, arn=new))


def documents_of(connection: Connection, row_ids: Sequence[int]) -> dict[int, Document]:
    """Return current documents by row id."""
    documents: dict[int, Document] = {}
    for batch in batches(row_ids):
        rows = connection.execute(select(resource.c.id, resource.c.document).where(resource.c.id.in_(batch)))
        documents.update((row.id, json.loads(row.document)) for row in rows)
    return documents


def _write_measures(connection: Connection, result: ScopeResult) -> None:
    """Write sizes and counts, which change by themselves: they stay current without a revision."""
    if not result.state.complete:
        return
    measures = {
        observation.key: canonical_json(dict(observation.measures))
        for observation in result.observations
        if observation.measures
    }
    if not measures:
        return
    of = result.scope
    statement = select(resource.c.id, resource.c.key, resource.c.measures).where(
        resource.c.account_id == of.account_id, resource.c.scope_region == of.region, resource.c.type == of.type
    )
    changed = [
        {"row_id": row.id, "new_measures": measures[row.key]}
        for row in connection.execute(statement)
        if row.key in measures and measures[row.key] != row.measures
    ]
    if changed:
        target = update(resource).where(resource.c.id == bindparam("row_id"))
        connection.execute(target.values(measures=bindparam("new_measures")), changed)


def count_changes(changes: Sequence[NewRevision]) -> ChangeCounts:
    """Count new revisions by what happened."""

    def number(kind: ChangeKind) -> int:
        return sum(change.change is kind for change in changes)

    return ChangeCounts(number(ChangeKind.CREATED), number(ChangeKind.UPDATED), number(ChangeKind.DELETED))


def _write_scope(store: Store, connection: Connection, run_id: str, result: ScopeResult, when: str) -> None:
    of = result.scope
    key = ("account_id", "region", "type")
    values: Mapping[str, Any] = {
        "account_id": of.account_id,
        "region": of.region,
        "type": of.type,
        "state": str(result.state),
        "error_code": result.error_code,
        "error": result.error,
        "resources": len(result.observations),
        "calls": result.calls,
        "duration_s": (result.finished_at - result.started_at).total_seconds(),
        "scanned_at": when,
        "run_id": run_id,
        "details_unknown": sum(bool(observation.unknown) for observation in result.observations),
    }
    last_good = {"last_good_at": when} if result.state.complete else {}
    insertion = store.upsert(scope).values(**values, **last_good, state_since=when)
    new = insertion.excluded
    changed: dict[str, Any] = {name: new[name] for name in (*values, *last_good) if name not in key}
    changed["state_since"] = case((scope.c.state == new.state, scope.c.state_since), else_=new.state_since)
    if not result.state.complete:  # the counts of the last complete listing stay
        changed |= {"resources": scope.c.resources, "details_unknown": scope.c.details_unknown}
    connection.execute(insertion.on_conflict_do_update(index_elements=list(key), set_=changed))
    if result.state is not ScopeState.OK and result.state is not ScopeState.UNSUPPORTED:
        connection.execute(store.upsert(scope_failure).values(**values).on_conflict_do_nothing())


def _add_counts(connection: Connection, run_id: str, worker: str, result: ScopeResult, counts: ChangeCounts) -> None:
    failed = result.state not in (ScopeState.OK, ScopeState.UNSUPPORTED)
    ended = result.error_code != INTERRUPTED
    table = run_worker if worker else run
    target = update(table).where(table.c.run_id == run_id)
    connection.execute(
        (target.where(run_worker.c.worker == worker) if worker else target).values(
            scopes_done=table.c.scopes_done + int(ended),
            resources=table.c.resources + len(result.observations),
            created=table.c.created + counts.created,
            updated=table.c.updated + counts.updated,
            deleted=table.c.deleted + counts.deleted,
            calls=table.c.calls + result.calls,
            errors=table.c.errors + int(failed and ended),
        )
    )
