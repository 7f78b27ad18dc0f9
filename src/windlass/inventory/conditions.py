"""A Query as SQL conditions for SQLite and PostgreSQL. The only module that knows how their JSON functions differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    String,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from windlass.inventory.filters import path_parts
from windlass.inventory.full_text import match_expression, split_words
from windlass.inventory.member_values import microseconds
from windlass.inventory.model import Query
from windlass.inventory.networks import holder_ids
from windlass.inventory.search_terms import network_of
from windlass.inventory.tables import resource, resource_owner

__all__ = [
    "compare_number",
    "document_condition",
    "id_list",
    "identity_conditions",
    "owned_at",
    "owner_condition",
    "query_conditions",
    "word_condition",
]


_MATCHING = {
    "sqlite": "SELECT rowid FROM resource_words WHERE resource_words MATCH :words",
    "postgresql": "SELECT rowid FROM resource_words WHERE words @@ to_tsquery('simple', :words)",
}


def identity_conditions(query: Query, *, table: Table = resource) -> list[ColumnElement[bool]]:
    """Return the conditions on type, account and region of a table's rows."""
    conditions: list[ColumnElement[bool]] = []
    for column, patterns in (
        (table.c.type, query.types),
        (table.c.account_id, query.account_ids),
        (table.c.region, query.regions),
    ):
        if patterns:
            conditions.append(or_(*(_pattern(column, pattern) for pattern in patterns)))
    return conditions


def _pattern(column: Any, pattern: str) -> ColumnElement[bool]:
    if pattern.endswith("*"):
        return column.startswith(pattern[:-1], autoescape=True)  # type: ignore[no-any-return]
    return column == pattern  # type: ignore[no-any-return]


def query_conditions(query: Query, dialect: str) -> list[ColumnElement[bool]]:
    """Return all conditions of a query on the last known documents, those of deleted resources included."""
    conditions = identity_conditions(query)
    for name, value in query.tags.items():
        actual = _json_text(["Tags", name], dialect)
        conditions.append(actual.is_not(None) if value == "*" else actual == value)
    if query.untagged:
        conditions.append(_json_text(["Tags", query.untagged], dialect).is_(None))
    conditions.extend(owner_condition(query, resource.c.id))
    conditions.extend(word_condition(query, dialect, resource.c.id))
    conditions.extend(document_condition(*condition, dialect) for condition in query.where)
    return conditions


def owner_condition(query: Query, row_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """Return the conditions on who owns the resource now, or at the query's time; empty when the query has none."""
    conditions: list[ColumnElement[bool]] = []
    owned = select(resource_owner.c.resource_row_id).where(owned_at(query.at))
    if query.owner:
        named = owned if query.owner == "*" else owned.where(resource_owner.c.owner == query.owner)
        conditions.append(row_id.in_(named))
    if query.ownerless:
        conditions.append(row_id.not_in(owned))
    return conditions


def owned_at(at: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a row of `resource_owner` was valid at a time (None: now)."""
    if at is None:
        return resource_owner.c.valid_to.is_(None)
    moment = microseconds(at)
    ended = resource_owner.c.valid_to
    return and_(resource_owner.c.valid_from <= moment, or_(ended.is_(None), ended > moment))


def word_condition(query: Query, dialect: str, row_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """Return the condition that every word of the query occurs in the resource; empty when the query has no word.

    An IP address or a network in place of words means the resources that hold it.
    """
    network = network_of(query.words)
    if network is not None:
        return [row_id.in_(holder_ids(network, query.at))]
    if not split_words(query.words):
        return []
    matching = text(_MATCHING[dialect]).bindparams(words=match_expression(query.words, dialect))
    return [row_id.in_(matching)]


def id_list(row_ids: Sequence[int], dialect: str) -> Any:
    """Return row ids as a subquery with one parameter: both databases limit the number of parameters."""
    if dialect == "sqlite":
        return select(func.json_each(json.dumps(list(row_ids))).table_valued("value").c.value)
    return select(func.unnest(cast(list(row_ids), ARRAY(BigInteger))))


def document_condition(path: str, operator: str, value: str, dialect: str) -> ColumnElement[bool]:
    """Return a condition on the current document (or the name): read from the document itself, without an index."""
    actual: ColumnElement[Any] = resource.c.name if path == "name" else _json_text(path_parts(path), dialect)
    if operator == "missing":
        return actual.is_(None)
    if operator == "exists":
        return actual.is_not(None)
    if operator == "=":
        return actual == value
    if operator == "!=":
        return or_(actual.is_(None), actual != value) if value else actual.is_not(None)
    if operator == "~":
        return func.lower(actual).contains(value.lower(), autoescape=True)
    return compare_number(actual, operator, float(value), dialect)


def _json_text(parts: list[str], dialect: str) -> ColumnElement[Any]:
    """Return the value at a path as text: numbers as written, `true` and `false`; null when the path has no value."""
    if dialect == "sqlite":
        path = "$" + "".join(f"[{part}]" if part.isdigit() else f'."{part}"' for part in parts)
        kind = func.json_type(resource.c.document, path)
        extracted = cast(func.json_extract(resource.c.document, path), String)
        return case((kind == "true", "true"), (kind == "false", "false"), else_=extracted)
    document = cast(resource.c.document, JSONB())
    return document.op("#>>")(cast(literal("{" + ",".join(f'"{part}"' for part in parts) + "}"), ARRAY(Text)))


def compare_number(actual: ColumnElement[Any], operator: str, number: float, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a text is a number, and less (`<`) or more than another one."""
    if dialect == "sqlite":
        # SQLite casts any text to a number (else 0.0): the cheap comparison first, then whether it is one.
        cast_value = cast(actual, Float)
        compared = cast_value < number if operator == "<" else cast_value > number
        return and_(compared, actual.op("NOT GLOB")("*[^0-9.eE+-]*"), actual.op("GLOB")("*[0-9]*"))
    numeric = r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
    value = case((actual.op("~")(numeric), cast(actual, Float)), else_=None)
    return value < number if operator == "<" else value > number
