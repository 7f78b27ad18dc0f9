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


def write_derived_rows(connection: Connection, dialect: str, touched: Sequence[tuple[int, NewRevision, str]]) -> None:
    """Write relations and addresses with their validity, current tags, and the words of the full-text index."""
    row_ids = [row_id for row_id, effect, _ in touched if effect.row_id is not None]
    edges, held = _open_edges(connection, row_ids), _open_addresses(connection, row_ids)
    new_edges, new_held, new_tags, new_words = [], [], [], []
    ended: dict[str, list[dict[str, Any]]] = {"relation": [], "address": []}
    for row_id, effect, moment in touched:
        one = effect.observation
        wanted = {(edge.kind, edge.target, edge.target_type) for edge in one.edges} if one else set()
        addresses = set(one.addresses) if one else set()
        have, had = edges.get(row_id, {}), held.get(row_id, {})
        kept = {edge for edge in have if edge[0] == SHARED_WITH and one is not None}  # a deletion ends them, too
        ended["relation"] += [{"of": have[edge], "until": moment} for edge in have.keys() - wanted - kept]
        ended["address"] += [{"of": had[ip], "until": moment} for ip in had.keys() - addresses]
        new_edges += [
            {
                "source_row_id": row_id,
                "kind": kind,
                "target": target,
                "target_type": to,
                "valid_from": moment,
                "valid_to": None,
            }
            for kind, target, to in sorted(wanted - have.keys())
        ]
        new_held += [
            {"address": ip, "resource_row_id": row_id, "valid_from": moment, "valid_to": None}
            for ip in sorted(addresses - had.keys())
        ]
        if one:
            new_tags += [{"resource_row_id": row_id, "name": name, "value": value} for name, value in one.tags.items()]
            new_words.append({"row_id": row_id, "words": document_words(_identity(one), effect.document or {})})
    for batch in batches(row_ids):
        connection.execute(delete(tag).where(tag.c.resource_row_id.in_(batch)))
    for table, column in ((relation, relation.c.relation_id), (address, address.c.address_id)):
        if ended[table.name]:
            connection.execute(
                update(table).where(column == bindparam("of")).values(valid_to=bindparam("until")), ended[table.name]
            )
    for table, rows in ((relation, new_edges), (address, new_held), (tag, new_tags)):
        if rows:
            connection.execute(insert(table), rows)
    _write_words(connection, dialect, row_ids, new_words)


def _identity(one: Observation) -> tuple[str, ...]:
    return (one.name, one.resource_id, one.type, one.arn, one.account_id, one.region)


def _write_words(connection: Connection, dialect: str, row_ids: Sequence[int], rows: list[dict[str, Any]]) -> None:
    if row_ids:
        connection.execute(
            text("DELETE FROM resource_words WHERE rowid = :row_id"), [{"row_id": row_id} for row_id in row_ids]
        )
    if rows:
        value = ":words" if dialect == "sqlite" else "to_tsvector('simple', :words)"
        connection.execute(text(f"INSERT INTO resource_words (rowid, words) VALUES (:row_id, {value})"), rows)  # noqa: S608


def _open_edges(connection: Connection, row_ids: Sequence[int]) -> dict[int, dict[tuple[str, str, str], int]]:
    found: dict[int, dict[tuple[str, str, str], int]] = {}
    for batch in batches(row_ids):
        statement = select(relation).where(relation.c.source_row_id.in_(batch), relation.c.valid_to.is_(None))
        for row in connection.execute(statement):
            found.setdefault(row.source_row_id, {})[row.kind, row.target, row.target_type] = row.relation_id
    return found


def _open_addresses(connection: Connection, row_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for batch in batches(row_ids):
        statement = select(address).where(address.c.resource_row_id.in_(batch), address.c.valid_to.is_(None))
        for row in connection.execute(statement):
            found.setdefault(row.resource_row_id, {})[row.address] = row.address_id
    return found
