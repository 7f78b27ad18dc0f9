"""Relations between resources: resolved to known ones where a target's ARN, id or name is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from windlass.core.arns import parse_arn
from windlass.core.clock import format_time
from windlass.inventory.model import Graph, Relation, Resource
from windlass.inventory.resources import COLUMNS, resource_of
from windlass.inventory.tables import relation, resource

__all__ = ["relations_of", "walk"]

_BATCH = 400


def relations_of(connection: Connection, of: Sequence[Resource], *, at: datetime | None = None) -> tuple[Relation, ...]:
    """Every relation from or to one of the resources, now or at a time."""
    by_row_id = {one.id: one for one in of}
    names = {name: one for one in of for name in _names(one)}
    rows: list[Any] = []
    for batch in _batches(list(by_row_id)):
        rows += connection.execute(select(relation).where(relation.c.source_row_id.in_(batch), _valid(at))).all()
    for batch in _batches(list(names)):
        rows += connection.execute(select(relation).where(relation.c.target.in_(batch), _valid(at))).all()
    rows = list({row.relation_id: row for row in rows}.values())
    sources = _by_row_id(connection, {row.source_row_id for row in rows} - by_row_id.keys()) | by_row_id
    targets = _by_name(connection, {row.target for row in rows})
    found = []
    for row in rows:
        source = sources.get(row.source_row_id)
        if source is None or (source.deleted_at is not None and at is None):
            continue
        found.append(
            Relation(row.kind, source, _choose(targets.get(row.target, ()), row.target_type, source), row.target)
        )
    return tuple(sorted(found, key=lambda one: (one.kind, one.source.key, one.target_name)))


def _valid(at: datetime | None) -> ColumnElement[bool]:
    if at is None:
        return relation.c.valid_to.is_(None)
    moment = format_time(at)
    return (relation.c.valid_from <= moment) & or_(relation.c.valid_to.is_(None), relation.c.valid_to > moment)


def _names(one: Resource) -> set[str]:
    """What relations may call a resource: its key, its ARN, its id, and the bare tail of its ARN."""
    arn = parse_arn(one.arn) if one.arn else None
    return {name for name in (one.key, one.arn, one.resource_id, arn.resource_id if arn else "") if name}


def _choose(candidates: Iterable[Resource], target_type: str, source: Resource) -> Resource | None:
    """Of those that bear the name: the right type first, then the source's own account and region."""
    fitting = [one for one in candidates if not target_type or one.type == target_type]
    fitting.sort(key=lambda one: (one.account_id != source.account_id, one.region != source.region, one.id))
    return fitting[0] if fitting else None


def _by_row_id(connection: Connection, row_ids: Iterable[int]) -> dict[int, Resource]:
    found = {}
    for batch in _batches(list(row_ids)):
        for row in connection.execute(select(*COLUMNS).where(resource.c.id.in_(batch))):
            found[row.id] = resource_of(row)
    return found


def _by_name(connection: Connection, names: Iterable[str]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for batch in _batches(list(names)):
        for column in (resource.c.key, resource.c.resource_id):
            statement = select(*COLUMNS).where(column.in_(batch), resource.c.deleted_at.is_(None))
            for row in connection.execute(statement):
                one = resource_of(row)
                listed = found.setdefault(getattr(row, column.name), [])
                if all(other.id != one.id for other in listed):
                    listed.append(one)
    return found


def _batches(items: list[Any]) -> Iterable[list[Any]]:
    return (items[at : at + _BATCH] for at in range(0, len(items), _BATCH))


def walk(connection: Connection, root: Resource, *, depth: int, limit: int) -> Graph:
    """The resources within `depth` relations of `root`, breadth first, at most `limit` of them."""
    nodes = {root.id: root}
    edges: dict[tuple[int, str, str], Relation] = {}
    frontier = [root]
    for _ in range(depth):
        fresh: dict[int, Resource] = {}
        for edge in relations_of(connection, frontier):
            edges[edge.source.id, edge.kind, edge.target_name] = edge
            for end in (edge.source, edge.target):
                if end is not None and end.id not in nodes:
                    fresh[end.id] = end
        room = limit - len(nodes)
        nodes.update(list(fresh.items())[:room])
        if len(fresh) > room:
            kept = [
                one
                for one in edges.values()
                if one.source.id in nodes and (one.target is None or one.target.id in nodes)
            ]
            return Graph(root.key, tuple(nodes.values()), tuple(kept), truncated=True)
        frontier = list(fresh.values())
        if not frontier:
            break
    return Graph(root.key, tuple(nodes.values()), tuple(edges.values()))
