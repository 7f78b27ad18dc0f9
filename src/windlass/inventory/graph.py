"""Relations between resources. A target is resolved to a known resource by its ARN or id."""

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
    """Return every relation from or to one of the resources, now or at a time."""
    by_row_id = {resource.id: resource for resource in of}
    names = {name: resource for resource in of for name in _names(resource)}
    rows: list[Any] = []
    for batch in _batches(list(by_row_id)):
        rows += connection.execute(select(relation).where(relation.c.source_row_id.in_(batch), _valid(at))).all()
    for batch in _batches(list(names)):
        rows += connection.execute(select(relation).where(relation.c.target.in_(batch), _valid(at))).all()
    rows = list({row.relation_id: row for row in rows}.values())
    sources = _by_row_id(connection, {row.source_row_id for row in rows} - by_row_id.keys()) | by_row_id
    targets = _by_name(connection, {row.target for row in rows})
    relations = []
    for row in rows:
        source = sources.get(row.source_row_id)
        if source is None or (source.deleted_at is not None and at is None):
            continue
        relations.append(
            Relation(row.kind, source, _choose(targets.get(row.target, ()), row.target_type, source), row.target)
        )
    return tuple(sorted(relations, key=lambda edge: (edge.kind, edge.source.key, edge.target_name)))


def _valid(at: datetime | None) -> ColumnElement[bool]:
    if at is None:
        return relation.c.valid_to.is_(None)
    moment = format_time(at)
    return (relation.c.valid_from <= moment) & or_(relation.c.valid_to.is_(None), relation.c.valid_to > moment)


def _names(of: Resource) -> set[str]:
    """Return the names by which relations may refer to a resource: its key, ARN, id, and the last part of its ARN."""
    arn = parse_arn(of.arn) if of.arn else None
    return {name for name in (of.key, of.arn, of.resource_id, arn.resource_id if arn else "") if name}


def _choose(candidates: Iterable[Resource], target_type: str, source: Resource) -> Resource | None:
    """Choose among resources of the same name: the right type, then the source's own account and region first."""
    matching = [each for each in candidates if not target_type or each.type == target_type]
    matching.sort(key=lambda each: (each.account_id != source.account_id, each.region != source.region, each.id))
    return matching[0] if matching else None


def _by_row_id(connection: Connection, row_ids: Iterable[int]) -> dict[int, Resource]:
    resources = {}
    for batch in _batches(list(row_ids)):
        for row in connection.execute(select(*COLUMNS).where(resource.c.id.in_(batch))):
            resources[row.id] = resource_of(row)
    return resources


def _by_name(connection: Connection, names: Iterable[str]) -> dict[str, list[Resource]]:
    resources: dict[str, list[Resource]] = {}
    for batch in _batches(list(names)):
        for column in (resource.c.key, resource.c.resource_id):
            statement = select(*COLUMNS).where(column.in_(batch), resource.c.deleted_at.is_(None))
            for row in connection.execute(statement):
                candidate = resource_of(row)
                listed = resources.setdefault(getattr(row, column.name), [])
                if all(other.id != candidate.id for other in listed):
                    listed.append(candidate)
    return resources


def _batches(items: list[Any]) -> Iterable[list[Any]]:
    return (items[at : at + _BATCH] for at in range(0, len(items), _BATCH))


def walk(connection: Connection, root: Resource, *, depth: int, limit: int) -> Graph:
    """Return the resources within `depth` relations of `root`, breadth first, at most `limit` of them."""
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
                edge
                for edge in edges.values()
                if edge.source.id in nodes and (edge.target is None or edge.target.id in nodes)
            ]
            return Graph(root.key, tuple(nodes.values()), tuple(kept), truncated=True)
        frontier = list(fresh.values())
        if not frontier:
            break
    return Graph(root.key, tuple(nodes.values()), tuple(edges.values()))
