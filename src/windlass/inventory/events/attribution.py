"""The revision that an event explains, when a scan saw the change first: the first revision of its resource since the event."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from windlass.core.clock import format_time, parse_time
from windlass.inventory.change_events import event_of_row, insert_events, naming_event
from windlass.inventory.change_feed import append_actor
from windlass.inventory.model import ChangeEvent
from windlass.inventory.tables import revision, revision_event, run

__all__ = ["attribute"]

CONFIG_DELAY = timedelta(minutes=30)


def attribute(connection: Connection, row_id: int, events: Iterable[ChangeEvent]) -> int:
    """Add events to the revisions of a resource that they explain; return how many revisions got their first actor.

    An event explains the first revision that begins at or after it, unless a collection between the two saw no change.
    An event that is already recorded changes nothing. The revision's `actor` is that of its last event with an actor.
    """
    explained = 0
    for event in sorted(events, key=lambda item: (item.at, item.event_id)):
        target = _revision_after(connection, row_id, event)
        if target is None or _is_too_late(event, target) or _is_recorded(connection, row_id, event):
            continue
        if _was_observed(connection, event, target):
            continue
        insert_events(connection, [(target.revision_id, row_id, [event])])
        explained += not target.event_id
        _name_actor(connection, target.revision_id)
    return explained


def _revision_after(connection: Connection, row_id: int, event: ChangeEvent) -> Any:
    statement = (
        select(revision.c.revision_id, revision.c.valid_from, revision.c.event_id, revision.c.run_id)
        .where(revision.c.resource_row_id == row_id, revision.c.valid_from >= format_time(event.at))
        .order_by(revision.c.valid_from)
        .limit(1)
    )
    return connection.execute(statement).first()


def _is_too_late(event: ChangeEvent, target: Any) -> bool:
    """True for an imported state long after the event: Config captures a change within minutes."""
    return target.run_id.startswith("import:") and parse_time(target.valid_from) - event.at > CONFIG_DELAY


def _was_observed(connection: Connection, event: ChangeEvent, target: Any) -> bool:
    """True when a collection began after the event and ended before the one that saw the change."""
    own = select(run.c.started_at).where(run.c.run_id == target.run_id).scalar_subquery()
    statement = select(run.c.run_id).where(
        run.c.started_at > format_time(event.at),
        run.c.status == "done",
        run.c.finished_at < func.coalesce(own, target.valid_from),
    )
    return connection.execute(statement.limit(1)).first() is not None


def _is_recorded(connection: Connection, row_id: int, event: ChangeEvent) -> bool:
    statement = select(revision_event.c.revision_id).where(
        revision_event.c.resource_row_id == row_id, revision_event.c.event_id == event.event_id
    )
    return connection.execute(statement).first() is not None


def _name_actor(connection: Connection, revision_id: int) -> None:
    statement = select(revision_event).where(revision_event.c.revision_id == revision_id)
    last = naming_event([event_of_row(row) for row in connection.execute(statement)])
    connection.execute(
        update(revision).where(revision.c.revision_id == revision_id).values(actor=last.actor, event_id=last.event_id)
    )
    append_actor(connection, revision_id)
