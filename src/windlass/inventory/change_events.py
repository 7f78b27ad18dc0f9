"""The rows of `revision_event`: the calls behind a revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, insert, select

from windlass.core.clock import format_time, parse_time
from windlass.inventory.derived_rows import batches
from windlass.inventory.model import ChangeEvent, Revision
from windlass.inventory.tables import revision_event

__all__ = ["event_of_row", "event_values", "insert_events", "naming_event", "with_events"]


def insert_events(connection: Connection, entries: Iterable[tuple[int, int, Sequence[ChangeEvent]]]) -> None:
    """Insert the events of new revisions: (revision id, resource row id, its events)."""
    rows = [
        {"revision_id": revision_id, "resource_row_id": row_id, **event_values(event)}
        for revision_id, row_id, events in entries
        for event in {event.event_id: event for event in events}.values()
    ]
    for batch in batches(rows):
        connection.execute(insert(revision_event), list(batch))


def naming_event(events: Sequence[ChangeEvent]) -> ChangeEvent:
    """Return the event that a revision is named after: the last one with an actor, else the last one."""
    ordered = sorted(events, key=lambda event: (event.at, event.event_id))
    return next((event for event in reversed(ordered) if event.actor), ordered[-1])


def event_values(event: ChangeEvent) -> dict[str, Any]:
    """Return the columns of an event."""
    return {
        "event_id": event.event_id,
        "at": format_time(event.at),
        "source": event.source,
        "name": event.name,
        "actor": event.actor,
        "source_ip": event.source_ip,
        "user_agent": event.user_agent,
        "region": event.region,
    }


def event_of_row(row: Any) -> ChangeEvent:
    """Return the event in a row of `revision_event`."""
    return ChangeEvent(
        event_id=row.event_id,
        at=parse_time(row.at),
        source=row.source,
        name=row.name,
        actor=row.actor,
        source_ip=row.source_ip,
        user_agent=row.user_agent,
        region=row.region,
    )


def with_events(connection: Connection, revisions: Sequence[Revision]) -> tuple[Revision, ...]:
    """Return the revisions with their events, oldest first."""
    ids = [item.revision_id for item in revisions if item.event_id]
    events: defaultdict[int, list[ChangeEvent]] = defaultdict(list)
    for batch in batches(ids):
        statement = (
            select(revision_event)
            .where(revision_event.c.revision_id.in_(batch))
            .order_by(revision_event.c.at, revision_event.c.event_id)
        )
        for row in connection.execute(statement):
            events[row.revision_id].append(event_of_row(row))
    return tuple(replace(item, events=tuple(events.get(item.revision_id, ()))) for item in revisions)
