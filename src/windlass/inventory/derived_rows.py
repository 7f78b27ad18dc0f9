"""The rows derived from a resource's document: relations, addresses, tags, and the words of the full-text index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from windlass.inventory.full_text import document_words
from windlass.inventory.model import Observation
from windlass.inventory.revisions import NewRevision
from windlass.inventory.tables import address, relation, tag

__all__ = ["SHARED_WITH", "batches", "write_derived_rows"]

SHARED_WITH = "shared-with"
"""The relation from a resource to an account that sees it but does not own it; shared_resources.py writes it."""

_BATCH = 500


def batches(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Return `items` in batches that fit into one statement."""
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def write_derived_rows(connection: Connection, dialect: str, written: Sequence[tuple[int, NewRevision, str]]) -> None:
    """Write the derived rows of new revisions, each (row id, revision, valid from).

    Relations and addresses keep their validity; tags and words are those of the present.
    """
    row_ids = [row_id for row_id, change, _ in written if change.row_id is not None]
    open_edges, open_addresses = _open_edges(connection, row_ids), _open_addresses(connection, row_ids)
    new_edges, new_addresses, new_tags, new_words = [], [], [], []
    ended: dict[str, list[dict[str, Any]]] = {"relation": [], "address": []}
    for row_id, change, moment in written:
        observation = change.observation
        edges = {(edge.kind, edge.target, edge.target_type) for edge in observation.edges} if observation else set()
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
            {"address": ip, "resource_row_id": row_id, "valid_from": moment, "valid_to": None}
            for ip in sorted(addresses - stored_addresses.keys())
        ]
        if observation:
            new_tags += [
                {"resource_row_id": row_id, "name": name, "value": value} for name, value in observation.tags.items()
            ]
            words = document_words(_identity(observation), change.document or {})
            new_words.append({"row_id": row_id, "words": words})
    for batch in batches(row_ids):
        connection.execute(delete(tag).where(tag.c.resource_row_id.in_(batch)))
    for table, column in ((relation, relation.c.relation_id), (address, address.c.address_id)):
        if ended[table.name]:
            statement = update(table).where(column == bindparam("ended_id")).values(valid_to=bindparam("end"))
            connection.execute(statement, ended[table.name])
    for table, rows in ((relation, new_edges), (address, new_addresses), (tag, new_tags)):
        if rows:
            connection.execute(insert(table), rows)
    _write_words(connection, dialect, row_ids, new_words)


def _identity(of: Observation) -> tuple[str, ...]:
    return (of.name, of.resource_id, of.type, of.arn, of.account_id, of.region)


def _write_words(connection: Connection, dialect: str, row_ids: Sequence[int], rows: list[dict[str, Any]]) -> None:
    if row_ids:
        connection.execute(
            text("DELETE FROM resource_words WHERE rowid = :row_id"), [{"row_id": row_id} for row_id in row_ids]
        )
    if rows:
        value = ":words" if dialect == "sqlite" else "to_tsvector('simple', :words)"
        connection.execute(text(f"INSERT INTO resource_words (rowid, words) VALUES (:row_id, {value})"), rows)  # noqa: S608


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
