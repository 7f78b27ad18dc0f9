"""Runs and visits, written: each visit is one transaction, so that a killed process leaves whole scopes or none."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, insert, select, text, update

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time, parse_time
from windlass.core.ids import new_id
from windlass.inventory.derived_rows import batches, write_derived_rows
from windlass.inventory.model import ChangeKind, Document, Scope, ScopeResult, ScopeState
from windlass.inventory.revisions import KEYFRAME_EVERY, KnownResource, NewRevision, diff_scope, match_known
from windlass.inventory.scope_result import INTERRUPTED
from windlass.inventory.shared_resources import split_shared, write_shared
from windlass.inventory.tables import resource, revision, run, scope, scope_failure
from windlass.inventory.unread_details import write_unread_details
from windlass.store.engine import Store

__all__ = ["ChangeCounts", "apply", "begin_run", "finish_run", "finished_scopes", "is_due", "last_durations", "salt_of"]


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """What a visit wrote."""

    created: int = 0
    updated: int = 0
    deleted: int = 0


def salt_of(store: Store) -> bytes:
    """This store's salt for redacted values, made on first use."""
    fresh = secrets.token_hex(16)

    def read_or_write(connection: Connection) -> str:
        salt: str | None = connection.execute(text("SELECT value FROM meta WHERE name = 'salt'")).scalar()
        if salt is None:
            connection.execute(text("INSERT INTO meta (name, value) VALUES ('salt', :value)"), {"value": fresh})
        return salt or fresh

    return bytes.fromhex(store.transact(read_or_write))


def is_due(store: Store, name: str, *, interval_s: float, now: datetime) -> bool:
    """Whether `name` was last due at least `interval_s` ago; if so, it is due again only after that time."""
    written = format_time(now)

    def read_and_write(connection: Connection) -> bool:
        last = connection.execute(text("SELECT value FROM meta WHERE name = :name"), {"name": name}).scalar()
        if last is not None and last != written and (now - parse_time(last)).total_seconds() < interval_s:
            return False
        connection.execute(text("DELETE FROM meta WHERE name = :name"), {"name": name})
        connection.execute(text("INSERT INTO meta (name, value) VALUES (:name, :now)"), {"name": name, "now": written})
        return True

    return store.transact(read_and_write)


def begin_run(store: Store, *, now: datetime, scopes_total: int, job_id: str = "", run_id: str = "") -> str:
    """The id of the run `run_id`, or of the job's run, which goes on; of a new one where there is none."""
    fresh_id = new_id("run", now)
    zeros = dict.fromkeys(("scopes_done", "resources", "created", "updated", "deleted", "calls", "errors"), 0)

    def begin(connection: Connection) -> str:
        known = run_id or (_run_of(connection, job_id) if job_id else "")
        if known:
            begun = update(run).where(run.c.run_id == known)
            connection.execute(begun.values(status="running", finished_at=None, scopes_total=scopes_total))
            return known
        connection.execute(
            insert(run).values(
                run_id=fresh_id,
                started_at=format_time(now),
                status="running",
                scopes_total=scopes_total,
                job_id=job_id,
                **zeros,
            )
        )
        return fresh_id

    return store.transact(begin)


def _run_of(connection: Connection, job_id: str) -> str:
    return connection.execute(select(run.c.run_id).where(run.c.job_id == job_id).limit(1)).scalar() or ""


def finish_run(store: Store, run_id: str, *, status: str, now: datetime) -> None:
    """Record how the run ended."""
    ended = update(run).where(run.c.run_id == run_id).values(status=status, finished_at=format_time(now))
    store.transact(lambda connection: connection.execute(ended))


def finished_scopes(store: Store, run_id: str) -> frozenset[Scope]:
    """The scopes this run has visited already, well or not; those that a stop cut short are not among them."""
    visited = select(scope.c.account_id, scope.c.region, scope.c.type).where(
        scope.c.run_id == run_id, scope.c.error_code != INTERRUPTED
    )
    return store.fetch(lambda connection: frozenset(Scope(*row) for row in connection.execute(visited)))


def last_durations(store: Store) -> dict[Scope, float]:
    """How long each scope took last time, in seconds."""
    durations = select(scope.c.account_id, scope.c.region, scope.c.type, scope.c.duration_s)
    return store.fetch(
        lambda connection: {Scope(row[0], row[1], row[2]): row[3] for row in connection.execute(durations)}
    )


def apply(store: Store, run_id: str, result: ScopeResult) -> ChangeCounts:
    """Write what a visit returned: revisions, current documents, relations, the scope's state, the run's counts.

    A visit that is written already is left as it is: the answer to its commit was lost.
    """
    when = format_time(result.finished_at)

    def write(connection: Connection) -> ChangeCounts:
        if _is_written(connection, run_id, result.scope, when):
            return ChangeCounts()
        own, shared = split_shared(result)
        known = _known(connection, own.scope)
        own, renewed = match_known(known, own)
        _renew_keys(connection, known, renewed)
        whole = replace(own, observations=(*own.observations, *shared))
        effects = diff_scope(known, own, lambda row_ids: _documents(connection, row_ids))
        _write_effects(connection, store.dialect, effects, own, run_id, when)
        effects += write_shared(
            connection,
            whole,
            shared,
            when,
            documents_of=lambda row_ids: _documents(connection, row_ids),
            write=lambda more: _write_effects(connection, store.dialect, more, whole, run_id, when),
        )
        _write_measures(connection, whole)
        write_unread_details(connection, whole)
        applied = _count(effects)
        _write_scope(store, connection, run_id, whole, when)
        _write_run(connection, run_id, whole, applied)
        return applied

    return store.transact(write)


def _is_written(connection: Connection, run_id: str, of: Scope, when: str) -> bool:
    visit = select(scope.c.type).where(
        scope.c.account_id == of.account_id,
        scope.c.region == of.region,
        scope.c.type == of.type,
        scope.c.run_id == run_id,
        scope.c.scanned_at == when,
    )
    return connection.execute(visit).first() is not None


def _known(connection: Connection, of: Scope) -> dict[str, KnownResource]:
    columns = (resource.c.key, resource.c.id, resource.c.digest, resource.c.deleted_at, resource.c.resource_id)
    statement = select(*columns, resource.c.region).where(
        resource.c.account_id == of.account_id, resource.c.scope_region == of.region, resource.c.type == of.type
    )
    return {
        row.key: KnownResource(row.id, row.digest, row.deleted_at is not None, row.resource_id, row.region)
        for row in connection.execute(statement)
    }


def _renew_keys(connection: Connection, known: dict[str, KnownResource], renewed: Mapping[str, str]) -> None:
    """Resources that were known by their id until their ARN could be read, in the store and in `known`."""
    for old, new in renewed.items():
        row = known[new] = known.pop(old)
        connection.execute(update(resource).where(resource.c.id == row.row_id).values(key=new, arn=new))


def _documents(connection: Connection, row_ids: Sequence[int]) -> dict[int, Document]:
    found: dict[int, Document] = {}
    for batch in batches(row_ids):
        rows = connection.execute(select(resource.c.id, resource.c.document).where(resource.c.id.in_(batch)))
        found.update((row.id, json.loads(row.document)) for row in rows)
    return found


def _write_effects(
    connection: Connection, dialect: str, effects: Sequence[NewRevision], result: ScopeResult, run_id: str, when: str
) -> None:
    if not effects:
        return
    at_hand = {effect.row_id: None for effect in effects if effect.row_id is not None}
    before = _current(connection, list(at_hand))
    row_ids = _insert_new(connection, [effect for effect in effects if effect.row_id is None], result.scope, when)
    revisions, closed, rows = [], [], []
    touched: list[tuple[int, NewRevision, str]] = []
    for effect in effects:
        row_id = effect.row_id if effect.row_id is not None else row_ids[effect.observation.key]  # type: ignore[union-attr]
        count, changed_at, name, _ = before.get(row_id, (0, "", "", 0))
        moment = _after(changed_at, when)
        whole = effect.change is not ChangeKind.DELETED and (
            effect.change is ChangeKind.CREATED or count % KEYFRAME_EVERY == 0
        )
        revisions.append(
            {
                "resource_row_id": row_id,
                "change": str(effect.change),
                "valid_from": moment,
                "valid_to": None,
                # A creation's patch is its keyframe; storing the document twice would double the history.
                "patch": "[]" if effect.change is ChangeKind.CREATED else canonical_json(list(effect.patch)),
                "keyframe": canonical_json(effect.document) if whole else None,
                "name": effect.observation.name if effect.observation else name,
                "run_id": run_id,
                "actor": "",
                "event_id": "",
            }
        )
        if count:
            closed.append({"of": before[row_id][3], "until": moment})
        touched.append((row_id, effect, moment))
    if closed:
        connection.execute(
            update(revision).where(revision.c.revision_id == bindparam("of")).values(valid_to=bindparam("until")),
            closed,
        )
    ids = _insert_revisions(connection, revisions)
    for (row_id, effect, moment), revision_id in zip(touched, ids, strict=True):
        rows.append(_resource_values(row_id, effect, moment, revision_id, before.get(row_id, (0, "", "", 0))[0] + 1))
    _update_resources(connection, rows)
    write_derived_rows(connection, dialect, touched)


def _current(connection: Connection, row_ids: Sequence[int]) -> dict[int, tuple[int, str, str, int]]:
    found = {}
    for batch in batches(row_ids):
        statement = select(
            resource.c.id, resource.c.revisions, resource.c.changed_at, resource.c.name, resource.c.revision_id
        ).where(resource.c.id.in_(batch))
        for row in connection.execute(statement):
            found[row.id] = (row.revisions, row.changed_at, row.name, row.revision_id)
    return found


def _after(changed_at: str, when: str) -> str:
    """`when`, but never at or before the last change: a clock that was set back must not tangle the history."""
    if changed_at < when:
        return when
    return format_time(parse_time(changed_at) + timedelta(microseconds=1))


def _insert_new(connection: Connection, fresh: Sequence[NewRevision], of: Scope, when: str) -> dict[str, int]:
    rows = []
    for effect in fresh:
        one = effect.observation
        assert one is not None
        rows.append(
            {
                "key": one.key,
                "type": one.type,
                "account_id": one.account_id,
                "scope_region": of.region,
                "region": one.region,
                "resource_id": one.resource_id,
                "arn": one.arn,
                "name": one.name,
                "tags": "{}",
                "document": "{}",
                "digest": effect.digest,
                "measures": "{}",
                "revision_id": 0,
                "revisions": 0,
                "first_seen_at": when,
                "changed_at": when,
                "deleted_at": None,
            }
        )
    row_ids: dict[str, int] = {}
    for batch in batches(rows):
        found = connection.execute(insert(resource).returning(resource.c.id, resource.c.key), list(batch))
        row_ids.update((row.key, row.id) for row in found)
    return row_ids


def _insert_revisions(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    ids: list[int] = []
    for batch in batches(rows):
        found = connection.execute(
            insert(revision).returning(revision.c.revision_id, sort_by_parameter_order=True), list(batch)
        )
        ids.extend(found.scalars())
    return ids


def _resource_values(row_id: int, effect: NewRevision, moment: str, revision_id: int, revisions: int) -> dict[str, Any]:
    one = effect.observation
    if one is None:
        return {"of": row_id, "revision": revision_id, "count": revisions, "changed": moment, "deleted": moment}
    return {
        "of": row_id,
        "revision": revision_id,
        "count": revisions,
        "changed": moment,
        "deleted": None,
        "label": one.name,
        "place": one.region,
        "tagged": canonical_json(dict(one.tags)),
        "body": canonical_json(effect.document),
        "fingerprint": effect.digest,
    }


def _update_resources(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    common: dict[str, Any] = {
        "revision_id": bindparam("revision"),
        "revisions": bindparam("count"),
        "changed_at": bindparam("changed"),
        "deleted_at": bindparam("deleted"),
    }
    seen: dict[str, Any] = {
        "name": bindparam("label"),
        "region": bindparam("place"),
        "tags": bindparam("tagged"),
        "document": bindparam("body"),
        "digest": bindparam("fingerprint"),
    }
    target = update(resource).where(resource.c.id == bindparam("of"))
    gone = [row for row in rows if "body" not in row]
    present = [row for row in rows if "body" in row]
    if gone:
        connection.execute(target.values(**common), gone)
    if present:
        connection.execute(target.values(**common, **seen), present)


def _write_measures(connection: Connection, result: ScopeResult) -> None:
    """Sizes and counts that move by themselves: kept current, without a revision."""
    if not result.state.complete:
        return
    fresh = {one.key: canonical_json(dict(one.measures)) for one in result.observations if one.measures}
    if not fresh:
        return
    of = result.scope
    statement = select(resource.c.id, resource.c.key, resource.c.measures).where(
        resource.c.account_id == of.account_id, resource.c.scope_region == of.region, resource.c.type == of.type
    )
    changed = [
        {"of": row.id, "fresh": fresh[row.key]}
        for row in connection.execute(statement)
        if row.key in fresh and fresh[row.key] != row.measures
    ]
    if changed:
        connection.execute(
            update(resource).where(resource.c.id == bindparam("of")).values(measures=bindparam("fresh")), changed
        )


def _count(effects: Sequence[NewRevision]) -> ChangeCounts:
    def number(change: ChangeKind) -> int:
        return sum(effect.change is change for effect in effects)

    return ChangeCounts(number(ChangeKind.CREATED), number(ChangeKind.UPDATED), number(ChangeKind.DELETED))


def _write_scope(store: Store, connection: Connection, run_id: str, result: ScopeResult, when: str) -> None:
    of = result.scope
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
        "details_unknown": sum(bool(one.unknown) for one in result.observations),
    }
    good = {"last_good_at": when} if result.state.complete else {}
    fresh = store.upsert(scope).values(**values, **good, state_since=when)
    since = case((scope.c.state == fresh.excluded.state, scope.c.state_since), else_=fresh.excluded.state_since)
    kept: dict[str, Any] = {"state_since": since}
    if not result.state.complete:  # nothing new was seen of them
        kept |= {"resources": scope.c.resources, "details_unknown": scope.c.details_unknown}
    connection.execute(
        fresh.on_conflict_do_update(
            index_elements=["account_id", "region", "type"],
            set_={key: fresh.excluded[key] for key in (*values, *good) if key not in ("account_id", "region", "type")}
            | kept,
        )
    )
    if result.state is not ScopeState.OK and result.state is not ScopeState.UNSUPPORTED:
        connection.execute(store.upsert(scope_failure).values(**values).on_conflict_do_nothing())


def _write_run(connection: Connection, run_id: str, result: ScopeResult, applied: ChangeCounts) -> None:
    unread = result.state not in (ScopeState.OK, ScopeState.UNSUPPORTED)
    ended = result.error_code != INTERRUPTED
    connection.execute(
        update(run)
        .where(run.c.run_id == run_id)
        .values(
            scopes_done=run.c.scopes_done + int(ended),
            resources=run.c.resources + len(result.observations),
            created=run.c.created + applied.created,
            updated=run.c.updated + applied.updated,
            deleted=run.c.deleted + applied.deleted,
            calls=run.c.calls + result.calls,
            errors=run.c.errors + int(unread and ended),
        )
    )
