"""CloudTrail's records as actors of past revisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, or_, select

from windlass.inventory.derived_rows import batches
from windlass.inventory.events.attribution import attribute
from windlass.inventory.events.cloudtrail import changes_something
from windlass.inventory.events.model import Touch
from windlass.inventory.events.touched import touches_of
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.model import ChangeEvent, Scope
from windlass.inventory.tables import resource

__all__ = ["name_actors", "touches_in"]


def touches_in(document: Any, index: TypeIndex) -> tuple[tuple[Touch, ...], int]:
    """Return the touches of a file's records, and how many records it has."""
    records = document.get("Records") if isinstance(document, Mapping) else None
    records = records if isinstance(records, list) else []
    touches: list[Touch] = []
    for record in records:
        if isinstance(record, Mapping) and changes_something(record):
            try:
                touches += touches_of(record, index)
            except (ValueError, TypeError, AttributeError):
                continue  # one malformed record does not end the import
    return tuple(touches), len(records)


def name_actors(connection: Connection, touches: Iterable[Touch]) -> int:
    """Name the actors of the revisions that these events explain; return how many revisions got their first one."""
    by_scope: defaultdict[Scope, defaultdict[str, list[ChangeEvent]]] = defaultdict(lambda: defaultdict(list))
    for touch in touches:
        for name in touch.names:
            by_scope[touch.scope][name].append(touch.event)
    return sum(_name_actors(connection, scope, events) for scope, events in by_scope.items())


def _name_actors(connection: Connection, scope: Scope, events: Mapping[str, list[ChangeEvent]]) -> int:
    explained = 0
    for batch in batches(sorted(events)):
        statement = select(resource.c.id, resource.c.key, resource.c.resource_id, resource.c.name).where(
            resource.c.account_id == scope.account_id,
            resource.c.scope_region == scope.region,
            resource.c.type == scope.type,
            or_(resource.c.resource_id.in_(batch), resource.c.key.in_(batch), resource.c.name.in_(batch)),
        )
        for row in connection.execute(statement).all():
            names = {row.key, row.resource_id, row.name}
            own = {event.event_id: event for name in names for event in events.get(name, ())}
            explained += attribute(connection, row.id, own.values())
    return explained
