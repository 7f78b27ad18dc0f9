"""Relations between resources. A target is resolved to a known resource by its ARN or id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from windlass.core.arns import parse_arn
from windlass.core.clock import format_time
from windlass.inventory.dependence import Dependence, dependence_of
from windlass.inventory.mentions import MENTIONS
from windlass.inventory.model import Dependent, Dependents, Graph, Relation, Resource
from windlass.inventory.resources import COLUMNS, resource_of
from windlass.inventory.tables import relation, resource

__all__ = ["dependents", "relations_of", "walk"]

_BATCH = 400
_MAX_RELATIONS = 2000  # of one resource: a VPC may have a hundred thousand, and nothing can show them


def relations_of(
    connection: Connection, of: Sequence[Resource], *, at: datetime | None = None, most: int = _MAX_RELATIONS
) -> tuple[Relation, ...]:
    """Return the relations from and to the resources, now or at a time; at most `most` to and from each name of one."""
    by_row_id = {resource.id: resource for resource in of}
    names = sorted({name for resource in of for name in _names(resource)})
    rows: dict[int, Any] = {}
    for column, values in ((relation.c.source_row_id, sorted(by_row_id)), (relation.c.target, names)):
        for batch in _batches(values):
            for row in connection.execute(_edges(connection.dialect.name, column, batch, at, most)):
                rows[row.relation_id] = row
    sources = _by_row_id(connection, {row.source_row_id for row in rows.values()} - by_row_id.keys()) | by_row_id
    targets = _by_name(connection, {row.target for row in rows.values()}, at)
    relations = []
    for row in rows.values():
        source = sources.get(row.source_row_id)
        if source is None or (source.deleted_at is not None and at is None):
            continue
        target = _choose(targets.get(row.target, ()), row.target_type, source)
        outgoing = source.id in by_row_id
        incoming = target is not None and target.id in by_row_id  # else it is another resource of the same name
        known = target is not None or row.kind != MENTIONS or row.target.startswith("arn:")
        if (outgoing and known) or incoming:
            relations.append(Relation(row.kind, source, target, row.target))
    return tuple(sorted(relations, key=lambda edge: (edge.kind, edge.source.key, edge.target_name)))


def _edges(
    dialect: str, column: ColumnElement[Any], values: Sequence[Any], at: datetime | None, most: int
) -> Select[Any]:
    """Return the query for the valid rows with each of the values, at most `most` for each: a hub has far more."""
    if dialect == "sqlite":
        wanted = func.json_each(json.dumps(list(values))).table_valued("value")
        limited = (
            select(relation.c.relation_id).where(column == wanted.c.value, _valid(at)).limit(most).correlate(wanted)
        )
        edge = relation.alias()
        return select(edge).select_from(wanted.join(edge, edge.c.relation_id.in_(limited)))
    kind = Text if column is relation.c.target else relation.c.source_row_id.type
    listed = select(func.unnest(cast(list(values), ARRAY(kind))).label("value")).subquery()
    lateral = select(relation).where(column == listed.c.value, _valid(at)).limit(most).lateral()
    return select(lateral).select_from(listed.join(lateral, true()))


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


def _by_name(connection: Connection, names: Iterable[str], at: datetime | None) -> dict[str, list[Resource]]:
    resources: dict[str, list[Resource]] = {}
    existed: ColumnElement[bool] = resource.c.deleted_at.is_(None)
    if at is not None:
        existed = or_(existed, resource.c.deleted_at > format_time(at))
    for batch in _batches(list(names)):
        for column in (resource.c.key, resource.c.resource_id):
            for row in connection.execute(select(*COLUMNS).where(column.in_(batch), existed)):
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
        for edge in relations_of(connection, frontier, most=limit):
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


def dependents(connection: Connection, root: Resource, *, depth: int, limit: int, mentions: bool) -> Dependents:
    """Return what would break without `root`: the resources that need it, and those that need these, nearest first.

    `mentions` adds resources that only mention one of them. At most `limit` resources.
    """
    reached: dict[int, Dependent] = {}
    frontier = [root]
    for distance in range(1, depth + 1):
        nearer = {each.id: each for each in frontier}
        frontier = []
        for edge in relations_of(connection, list(nearer.values()), most=limit + 1):
            for needed, dependent in _needs(edge, mentions=mentions):
                if needed.id in nearer and dependent.id not in reached and dependent.id != root.id:
                    if len(reached) == limit:
                        return Dependents(root, tuple(reached.values()), truncated=True)
                    reached[dependent.id] = Dependent(dependent, distance, edge.kind, needed)
                    frontier.append(dependent)
        if not frontier:
            break
    return Dependents(root, tuple(reached.values()))


def _needs(edge: Relation, *, mentions: bool) -> list[tuple[Resource, Resource]]:
    """Return (needed, dependent) of the relation, empty when neither end needs the other."""
    if edge.target is None:
        return []
    dependence = dependence_of(edge.kind)
    if dependence is Dependence.TARGET:
        return [(edge.source, edge.target)]
    if dependence is Dependence.SOURCE or (dependence is Dependence.POSSIBLE and mentions):
        return [(edge.target, edge.source)]
    return []
