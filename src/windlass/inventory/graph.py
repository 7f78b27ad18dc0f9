"""Relations between resources. A target is resolved to a known resource by its ARN or id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Text, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from windlass.core.arns import parse_arn
from windlass.core.clock import format_time
from windlass.inventory.dependence import Dependence, dependence_of, kinds_of
from windlass.inventory.mentions import MENTIONS
from windlass.inventory.model import Dependent, Dependents, Graph, Relation, Resource
from windlass.inventory.owner_rows import with_owners
from windlass.inventory.resources import COLUMNS, resource_of
from windlass.inventory.tables import relation, resource

__all__ = ["dependents", "relations_of", "walk"]

_BATCH = 400
_MAX_RELATIONS = 2000  # per resource: a VPC may have a hundred thousand, more than a page or a graph can show
_MAX_EDGES = 10_000  # per step: as many as a few hundred hubs have together


class _Node(NamedTuple):
    """The columns of a resource that resolving relations needs; complete resources are read only for the result."""

    id: int
    key: str
    type: str
    account_id: str
    region: str
    resource_id: str

    @property
    def names(self) -> set[str]:
        """The names that relations may use for it: its key (its ARN if it has one), its id, and the last part of its ARN."""
        arn = parse_arn(self.key)
        return {name for name in (self.key, self.resource_id, arn.resource_id if arn else "") if name}


class _Edge(NamedTuple):
    """A relation between nodes; `target` is None when no known resource has the name."""

    kind: str
    source: _Node
    target: _Node | None
    target_name: str


_NODE = [resource.c[name] for name in _Node._fields]


def relations_of(connection: Connection, subject: Resource, *, at: datetime | None = None) -> tuple[Relation, ...]:
    """Return the relations from and to a resource, now or at a time; at most 2,000 to and from each of its names."""
    edges = _edges_of(connection, [_node_of(subject)], at=at, most=_MAX_RELATIONS)
    resources = _resources_of(connection, {end.id for edge in edges for end in (edge.source, edge.target) if end})
    relations = [_relation(edge, resources) for edge in edges]
    return tuple(sorted(relations, key=lambda edge: (edge.kind, edge.source.key, edge.target_name)))


def _node_of(subject: Resource) -> _Node:
    return _Node(subject.id, subject.key, subject.type, subject.account_id, subject.region, subject.resource_id)


def _relation(edge: _Edge, resources: Mapping[int, Resource]) -> Relation:
    target = resources[edge.target.id] if edge.target else None
    return Relation(edge.kind, resources[edge.source.id], target, edge.target_name)


def _edges_of(
    connection: Connection,
    nodes: Sequence[_Node],
    *,
    at: datetime | None = None,
    most: int,
    outgoing: ColumnElement[bool] | None = None,
    incoming: ColumnElement[bool] | None = None,
) -> list[_Edge]:
    """Return the edges from and to the nodes, each direction narrowed by a condition; at most `most` per name of a node."""
    by_row_id = {node.id: node for node in nodes}
    names = sorted({name for node in nodes for name in node.names})
    ways = (
        (relation.c.source_row_id, sorted(by_row_id), outgoing),
        (relation.c.target, names, incoming),
    )
    rows: dict[int, Any] = {}
    for column, values, narrowed in ways:
        conditions = [_valid(at), *([] if narrowed is None else [narrowed])]
        for batch in _batches(values):
            statement = _statement(connection.dialect.name, column, batch, conditions, most)
            rows.update((row.relation_id, row) for row in connection.execute(statement))
    sources = _by_row_id(connection, {row.source_row_id for row in rows.values()} - by_row_id.keys(), at) | by_row_id
    targets = _by_name(connection, {row.target for row in rows.values()}, at)
    edges = []
    for row in rows.values():
        source = sources.get(row.source_row_id)
        if source is None:
            continue
        target = _choose(targets.get(row.target, ()), row.target_type, source)
        to_us = target is not None and target.id in by_row_id  # otherwise another resource of the same name is meant
        known = target is not None or row.kind != MENTIONS or row.target.startswith("arn:")
        if to_us or (source.id in by_row_id and known):
            edges.append(_Edge(row.kind, source, target, row.target))
    return edges


def _statement(
    dialect: str,
    column: ColumnElement[Any],
    values: Sequence[Any],
    conditions: Sequence[ColumnElement[bool]],
    most: int,
) -> Select[Any]:
    """Return the query for the rows with the values, at most `most` per value: a hub has far more."""
    if dialect == "sqlite":
        listed_values = func.json_each(json.dumps(list(values))).table_valued("value")
        limited = (
            select(relation.c.relation_id)
            .where(column == listed_values.c.value, *conditions)
            .limit(most)
            .correlate(listed_values)
        )
        edge = relation.alias()
        return select(edge).select_from(listed_values.join(edge, edge.c.relation_id.in_(limited))).limit(_MAX_EDGES)
    kind = Text if column is relation.c.target else BigInteger
    listed = select(func.unnest(cast(list(values), ARRAY(kind))).label("value")).subquery()
    lateral = select(relation).where(column == listed.c.value, *conditions).limit(most).lateral()
    return select(lateral).select_from(listed.join(lateral, true())).limit(_MAX_EDGES)


def _valid(at: datetime | None) -> ColumnElement[bool]:
    if at is None:
        return relation.c.valid_to.is_(None)
    moment = format_time(at)
    return (relation.c.valid_from <= moment) & or_(relation.c.valid_to.is_(None), relation.c.valid_to > moment)


def _existed(row: Any, at: datetime | None) -> bool:
    # Not a condition in SQL: SQLite would scan an index of it instead of reading the few selected rows.
    return row.deleted_at is None or (at is not None and row.deleted_at > format_time(at))


def _choose(candidates: Iterable[_Node], target_type: str, source: _Node) -> _Node | None:
    """Choose among resources of the same name: the right type, then the source's own account and region first."""
    matching = [node for node in candidates if not target_type or node.type == target_type]
    matching.sort(key=lambda node: (node.account_id != source.account_id, node.region != source.region, node.id))
    return matching[0] if matching else None


def _by_row_id(connection: Connection, row_ids: Iterable[int], at: datetime | None) -> dict[int, _Node]:
    nodes = {}
    for batch in _batches(sorted(row_ids)):
        for row in connection.execute(select(*_NODE, resource.c.deleted_at).where(resource.c.id.in_(batch))):
            if _existed(row, at):
                nodes[row.id] = _Node(*row[:-1])
    return nodes


def _by_name(connection: Connection, names: Iterable[str], at: datetime | None) -> dict[str, list[_Node]]:
    nodes: dict[str, dict[int, _Node]] = {}
    for batch in _batches(sorted(names)):
        for column in (resource.c.key, resource.c.resource_id):
            for row in connection.execute(select(*_NODE, resource.c.deleted_at).where(column.in_(batch))):
                if _existed(row, at):
                    nodes.setdefault(getattr(row, column.name), {})[row.id] = _Node(*row[:-1])
    return {name: list(by_row_id.values()) for name, by_row_id in nodes.items()}


def _resources_of(connection: Connection, row_ids: Iterable[int]) -> dict[int, Resource]:
    resources = []
    for batch in _batches(sorted(row_ids)):
        rows = connection.execute(select(*COLUMNS).where(resource.c.id.in_(batch)))
        resources += [resource_of(row) for row in rows]
    return {item.id: item for item in with_owners(connection, resources)}


def _batches(items: list[Any]) -> Iterable[list[Any]]:
    return (items[at : at + _BATCH] for at in range(0, len(items), _BATCH))


def walk(connection: Connection, root: Resource, *, depth: int, limit: int) -> Graph:
    """Return the resources within `depth` relations of `root`, breadth first, at most `limit` of them."""
    nodes = {root.id: _node_of(root)}
    edges: dict[tuple[int, str, str], _Edge] = {}
    frontier = list(nodes.values())
    truncated = False
    for _ in range(depth):
        room = limit - len(nodes)
        fresh: dict[int, _Node] = {}
        for edge in _edges_of(connection, frontier, most=room + 1):
            edges[edge.source.id, edge.kind, edge.target_name] = edge
            for end in (edge.source, edge.target):
                if end is not None and end.id not in nodes:
                    fresh[end.id] = end
        frontier = list(fresh.values())[:room]
        nodes.update((node.id, node) for node in frontier)
        truncated = len(fresh) > room
        if truncated or not frontier:
            break
    resources = _resources_of(connection, nodes)
    relations = [
        _relation(edge, resources)
        for edge in edges.values()
        if edge.source.id in nodes and (edge.target is None or edge.target.id in nodes)
    ]
    return Graph(root.key, tuple(resources[row_id] for row_id in nodes), tuple(relations), truncated=truncated)


def dependents(connection: Connection, root: Resource, *, depth: int, limit: int, mentions: bool) -> Dependents:
    """Return what would break without `root`: the resources that need it, and those that need these, nearest first.

    `mentions` adds resources that only mention one of them. At most `limit` resources.
    """
    serving = relation.c.kind.in_(kinds_of(Dependence.TARGET))
    without_need = {*kinds_of(Dependence.TARGET), *kinds_of(Dependence.NONE)}
    if not mentions:
        without_need |= kinds_of(Dependence.POSSIBLE)
    needing = relation.c.kind.not_in(sorted(without_need))
    reached: dict[int, tuple[_Node, int, str, _Node]] = {}
    frontier = [_node_of(root)]
    truncated = False
    for distance in range(1, depth + 1):
        nearer = {node.id: node for node in frontier}
        frontier = []
        edges = _edges_of(connection, list(nearer.values()), most=limit + 1, outgoing=serving, incoming=needing)
        for edge in edges:
            if edge.target is None:
                continue
            needed, dependent = edge.target, edge.source
            if dependence_of(edge.kind) is Dependence.TARGET:
                needed, dependent = dependent, needed
            if needed.id not in nearer or dependent.id in reached or dependent.id == root.id:
                continue
            if len(reached) == limit:
                truncated = True
                break
            reached[dependent.id] = (dependent, distance, edge.kind, needed)
            frontier.append(dependent)
        if truncated or not frontier:
            break
    resources = _resources_of(connection, {root.id, *reached})
    rows = [
        Dependent(resources[node.id], distance, kind, resources[needed.id])
        for node, distance, kind, needed in reached.values()
    ]
    return Dependents(root, tuple(rows), truncated=truncated)
