"""The rows derived from a resource's document: relations, addresses, members with their values, and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update

from windlass.core.clock import format_time
from windlass.inventory.full_text import Words, resource_words
from windlass.inventory.member_values import member_values, microseconds
from windlass.inventory.mentions import mentions_of
from windlass.inventory.model import Document, Edge, Observation
from windlass.inventory.networks import packed
from windlass.inventory.revisions import NewRevision
from windlass.inventory.tables import address, member_value, relation

__all__ = ["SHARED_WITH", "StoredState", "WrittenRevision", "batches", "write_derived_rows"]

SHARED_WITH = "shared-with"
"""The relation from a resource to an account that sees it but does not own it; shared_resources.py writes it."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredState:
    """What the store has of an existing resource before its new revision."""

    name: str
    tags: Mapping[str, str]
    document: Document
    group_id: int


@dataclass(frozen=True, slots=True)
class WrittenRevision:
    """A revision that was written: `before` is None for a resource that did not exist."""

    row_id: int
    change: NewRevision
    valid_from: datetime
    group_id: int
    before: StoredState | None


def batches(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Return `items` in batches that fit into one statement."""
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def write_derived_rows(connection: Connection, dialect: str, written: Sequence[WrittenRevision]) -> None:
    """Write the derived rows of new revisions. Relations, addresses and members keep their validity; words only the latest."""
    row_ids = [item.row_id for item in written if item.change.row_id is not None]
    open_edges, open_addresses = _open_edges(connection, row_ids), _open_addresses(connection, row_ids)
    new_edges, new_addresses, new_words = [], [], []
    ended: dict[str, list[dict[str, Any]]] = {"relation": [], "address": []}
    for item in written:
        row_id, moment, observation = item.row_id, format_time(item.valid_from), item.change.observation
        edges = {(edge.kind, edge.target, edge.target_type) for edge in _edges(item.change)}
        addresses = set(observation.addresses) if observation else set()
        stored_edges, stored_addresses = open_edges.get(row_id, {}), open_addresses.get(row_id, {})
        # shared_resources.py ends these, except for a deleted resource.
        shared = {edge for edge in stored_edges if edge[0] == SHARED_WITH and observation is not None}
        ended["relation"] += [
            {"ended_id": stored_edges[edge], "end": moment} for edge in stored_edges.keys() - edges - shared
        ]
        ended["address"] += [
            {"ended_id": stored_addresses[ip], "end": moment} for ip in stored_addresses.keys() - addresses
        ]
        new_edges += [
            {
                "source_row_id": row_id,
                "kind": kind,
                "target": target,
                "target_type": target_type,
                "valid_from": moment,
                "valid_to": None,
            }
            for kind, target, target_type in sorted(edges - stored_edges.keys())
        ]
        new_addresses += [
            {"address": ip, "packed": packed(ip), "resource_row_id": row_id, "valid_from": moment, "valid_to": None}
            for ip in sorted(addresses - stored_addresses.keys())
        ]
        if observation:
            words = _words(observation, item.change.document or {})
            new_words.append({"row_id": row_id, **words._asdict()})
    for table, column in ((relation, relation.c.relation_id), (address, address.c.address_id)):
        if ended[table.name]:
            statement = update(table).where(column == bindparam("ended_id")).values(valid_to=bindparam("end"))
            connection.execute(statement, ended[table.name])
    for table, rows in ((relation, new_edges), (address, new_addresses)):
        if rows:
            connection.execute(insert(table), rows)
    _write_members(connection, written)
    _write_words(connection, dialect, new_words)


def _edges(change: NewRevision) -> set[Edge]:
    """Return the declared relations of a new state, and its mentions of other resources."""
    observation = change.observation
    if observation is None:
        return set()
    own = {observation.key, observation.arn, observation.resource_id}
    return {*observation.edges, *mentions_of(change.document, own=own, declared=observation.edges)}


def _write_members(connection: Connection, written: Sequence[WrittenRevision]) -> None:
    ended, begun = [], []
    for item in written:
        before = {(*row, item.before.group_id) for row in _state_members(item.before)} if item.before else set()
        observation = item.change.observation
        after: set[tuple[int, str, int]] = set()
        if observation:
            rows = member_values(observation.name, observation.tags, item.change.document or {})
            after = {(*row, item.group_id) for row in rows}
        moment = microseconds(item.valid_from)
        ended += [
            {"p": pointer, "v": value, "g": group_id, "r": item.row_id, "end": moment}
            for pointer, value, group_id in sorted(before - after)
        ]
        begun += [
            {
                "pointer": pointer,
                "value": value,
                "group_id": group_id,
                "resource_row_id": item.row_id,
                "valid_from": moment,
                "valid_to": None,
            }
            for pointer, value, group_id in after - before
        ]
    if ended:
        connection.execute(
            update(member_value)
            .where(
                member_value.c.pointer == bindparam("p"),
                member_value.c.value == bindparam("v"),
                member_value.c.group_id == bindparam("g"),
                member_value.c.resource_row_id == bindparam("r"),
                member_value.c.valid_to.is_(None),
            )
            .values(valid_to=bindparam("end")),
            ended,
        )
    if begun:  # in the order of the index: neighbours are written together
        begun.sort(key=lambda row: (row["pointer"], row["value"], row["group_id"], row["resource_row_id"]))
        connection.execute(insert(member_value), begun)


def _state_members(state: StoredState) -> set[tuple[int, str]]:
    return member_values(state.name, state.tags, state.document)


def _words(observation: Observation, document: Document) -> Words:
    identity = (observation.type, observation.arn, observation.account_id, observation.region)
    return resource_words((observation.name, observation.resource_id), observation.tags, identity, document)


_INSERT_WORDS = {
    "sqlite": "INSERT INTO resource_words (rowid, names, tags, words) VALUES (:row_id, :names, :tags, :words)",
    "postgresql": (
        "INSERT INTO resource_words (rowid, words) VALUES (:row_id, setweight(to_tsvector('simple', :names), 'A') || "
        "setweight(to_tsvector('simple', :tags), 'B') || to_tsvector('simple', :words))"
    ),
}


def _write_words(connection: Connection, dialect: str, rows: Sequence[dict[str, Any]]) -> None:
    """Replace the words of observed resources. A deleted resource keeps its last ones: searches in the past find it."""
    if rows:
        row_ids = [{"row_id": row["row_id"]} for row in rows]
        connection.execute(text("DELETE FROM resource_words WHERE rowid = :row_id"), row_ids)
        connection.execute(text(_INSERT_WORDS[dialect]), rows)


def _open_edges(connection: Connection, row_ids: Sequence[int]) -> dict[int, dict[tuple[str, str, str], int]]:
    edges: dict[int, dict[tuple[str, str, str], int]] = {}
    for batch in batches(row_ids):
        statement = select(relation).where(relation.c.source_row_id.in_(batch), relation.c.valid_to.is_(None))
        for row in connection.execute(statement):
            edges.setdefault(row.source_row_id, {})[row.kind, row.target, row.target_type] = row.relation_id
    return edges


def _open_addresses(connection: Connection, row_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    addresses: dict[int, dict[str, int]] = {}
    for batch in batches(row_ids):
        statement = select(address).where(address.c.resource_row_id.in_(batch), address.c.valid_to.is_(None))
        for row in connection.execute(statement):
            addresses.setdefault(row.resource_row_id, {})[row.address] = row.address_id
    return addresses
