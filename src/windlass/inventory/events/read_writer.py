"""Writes the touched resources of one scope in one transaction, with the events that changed them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, or_, select

from windlass.core.clock import format_time, parse_time
from windlass.inventory.derived_rows import batches
from windlass.inventory.events.attribution import attribute
from windlass.inventory.events.model import Touch
from windlass.inventory.events.read_times import newer_reads, record_reads, without
from windlass.inventory.model import ChangeEvent, Observation, ScopeResult
from windlass.inventory.revision_writer import write_revisions
from windlass.inventory.revisions import KnownResource, NewRevision, diff_scope, match_known
from windlass.inventory.tables import resource, scope
from windlass.inventory.unread_details import write_unread_details
from windlass.inventory.writer import ChangeCounts, count_changes, documents_of, known_resources, lock_type
from windlass.store.engine import Store

__all__ = ["EVENTS_RUN", "ReadOutcome", "write_read"]

EVENTS_RUN = "events"
"""The `run_id` of revisions from events."""


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """What a read changed, and the ids of events whose change AWS does not show yet: they are read again a little later.

    An event may create its resource in another scope: it is `invisible` here and `visible` there.
    """

    counts: ChangeCounts = field(default_factory=ChangeCounts)
    unconfirmed: frozenset[str] = frozenset()
    invisible: frozenset[str] = frozenset()  # creations
    visible: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Known:
    rows: dict[str, KnownResource]
    names: Mapping[str, frozenset[str]]  # by key: id, ARN and name


def write_read(store: Store, result: ScopeResult, touches: Sequence[Touch]) -> ReadOutcome:
    """Write the touched resources, and nothing else of the scope.

    A resource that was not found is deleted only when an event said so. When a scan began after this read and is written,
    the read is stale: nothing is written, and every event is unconfirmed.
    """
    events = frozenset(touch.event.event_id for touch in touches)
    if not result.state.complete:
        return ReadOutcome(unconfirmed=events)
    when = format_time(result.finished_at)

    def write(connection: Connection) -> ReadOutcome:
        lock_type(connection, result.scope)
        if _is_stale(connection, result):
            return ReadOutcome(unconfirmed=events)
        own = replace(
            result,
            observations=tuple(
                observation for observation in result.observations if observation.account_id == result.scope.account_id
            ),
        )
        known = _touched(connection, own, touches)
        newer = newer_reads(connection, own.scope, own.started_at, forget=False)
        rows, own = without(known.rows, own, newer)  # another worker has read them since
        own, _ = match_known(rows, own)
        observed = {observation.key: _names_of(observation) for observation in own.observations}
        changes = [
            replace(change, events=_events_of(_names_of_change(change, known, observed), touches))
            for change in diff_scope(rows, own, lambda row_ids: documents_of(connection, row_ids))
            if change.observation is not None or _is_ended(_names_of_change(change, known, observed), touches)
        ]
        write_revisions(connection, store.dialect, changes, own.scope, EVENTS_RUN, when)
        write_unread_details(connection, own)
        changed = {change.row_id for change in changes}
        for key, row in known.rows.items():
            if row.row_id not in changed:
                attribute(connection, row.row_id, _events_of(known.names[key], touches))
        read_ids = [observation.resource_id for observation in own.observations] + [
            row.resource_id for row in known.rows.values()
        ]
        record_reads(
            store,
            connection,
            own.scope,
            [*read_ids, *(name for touch in touches for name in touch.names)],
            own.started_at,
        )
        return _outcome(count_changes(changes), touches, observed)

    return store.transact(write)


def _is_stale(connection: Connection, result: ScopeResult) -> bool:
    """True when the last complete scan of the scope began after this read."""
    of = result.scope
    row = connection.execute(
        select(scope.c.scanned_at, scope.c.last_good_at, scope.c.duration_s).where(
            scope.c.account_id == of.account_id, scope.c.region == of.region, scope.c.type == of.type
        )
    ).first()
    if row is None or row.last_good_at is None or row.last_good_at != row.scanned_at:
        return False
    return parse_time(row.scanned_at) - timedelta(seconds=row.duration_s) > result.started_at


def _touched(connection: Connection, result: ScopeResult, touches: Sequence[Touch]) -> _Known:
    """Return the store's rows of the touched and the observed resources; all of the scope when a touch names none."""
    of = result.scope
    if any(not touch.names for touch in touches):
        rows = known_resources(connection, of)
        return _Known(rows, {key: frozenset({key, row.resource_id}) for key, row in rows.items()})
    # Observed resources are found by their keys, which are indexed; the others by their names in the complete scope.
    keys = {key for observation in result.observations for key in (observation.key, replace(observation, arn="").key)}
    covered = {name for observation in result.observations if observation.arn for name in _names_of(observation)}
    names = {name for touch in touches for name in touch.names} - covered
    names |= {observation.resource_id for observation in result.observations if not observation.arn}
    known: dict[str, KnownResource] = {}
    by_key: dict[str, frozenset[str]] = {}
    for condition in (*_by_key(keys), *_by_name(names)):
        statement = select(resource).where(
            resource.c.account_id == of.account_id,
            resource.c.scope_region == of.region,
            resource.c.type == of.type,
            condition,
        )
        for row in connection.execute(statement):
            known[row.key] = KnownResource(row.id, row.digest, row.deleted_at is not None, row.resource_id, row.region)
            by_key[row.key] = frozenset({row.key, row.resource_id, row.name})
    return _Known(known, by_key)


def _by_key(keys: Collection[str]) -> Iterator[ColumnElement[bool]]:
    return (resource.c.key.in_(batch) for batch in batches(sorted(keys)))


def _by_name(names: Collection[str]) -> Iterator[ColumnElement[bool]]:
    for batch in batches(sorted(names)):
        yield or_(resource.c.resource_id.in_(batch), resource.c.key.in_(batch), resource.c.name.in_(batch))


def _names_of(observation: Observation) -> frozenset[str]:
    return frozenset({observation.key, observation.resource_id, observation.name})


def _names_of_change(change: NewRevision, known: _Known, observed: Mapping[str, frozenset[str]]) -> frozenset[str]:
    if change.observation is not None:
        return observed[change.observation.key]
    return next(known.names[key] for key, row in known.rows.items() if row.row_id == change.row_id)


def _events_of(names: frozenset[str], touches: Sequence[Touch]) -> tuple[ChangeEvent, ...]:
    """Return the events that touched the resource with these names, each once, oldest first.

    Operations on another resource that only name this one count when there are no others.
    """
    own = [touch for touch in touches if not touch.names or touch.names & names]
    about = [touch for touch in own if not touch.is_mention]
    events = {touch.event.event_id: touch.event for touch in about or own}
    return tuple(sorted(events.values(), key=lambda event: (event.at, event.event_id)))


def _is_ended(names: frozenset[str], touches: Sequence[Touch]) -> bool:
    """True when an event deleted the resource, or its whole scope was listed without it."""
    return any(not touch.names or (touch.deletes and touch.names & names) for touch in touches)


def _outcome(counts: ChangeCounts, touches: Sequence[Touch], observed: Mapping[str, frozenset[str]]) -> ReadOutcome:
    """Return the counts, the deletions of resources that are still there, and the creations that are or are not there."""
    present = frozenset(name for names in observed.values() for name in names)
    deletions = {touch.event.event_id for touch in touches if touch.deletes and touch.names & present}
    visible = frozenset(touch.event.event_id for touch in touches if not touch.names or touch.names & present)
    creations = frozenset(touch.event.event_id for touch in touches if touch.creates)
    return ReadOutcome(counts, frozenset(deletions), creations - visible, visible)
