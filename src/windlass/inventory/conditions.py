"""A Query as SQL conditions for SQLite and PostgreSQL. Differences between their JSON functions are handled here alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    String,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from windlass.inventory.filters import path_parts
from windlass.inventory.full_text import match_expression, split_words
from windlass.inventory.model import Query
from windlass.inventory.tables import resource, tag

__all__ = ["identity_conditions", "member_exists", "query_conditions", "word_conditions"]


_MATCHING = {
    "sqlite": "SELECT rowid FROM resource_words WHERE words MATCH :words",
    "postgresql": "SELECT rowid FROM resource_words WHERE words @@ to_tsquery('simple', :words)",
}


def identity_conditions(query: Query, *, but: str = "") -> list[ColumnElement[bool]]:
    """Return the conditions on type, account and region, except those on `but` (for its own facet)."""
    conditions: list[ColumnElement[bool]] = []
    for name, column, patterns in (
        ("type", resource.c.type, query.types),
        ("account", resource.c.account_id, query.account_ids),
        ("region", resource.c.region, query.regions),
    ):
        if patterns and name != but:
            conditions.append(or_(*(_pattern(column, pattern) for pattern in patterns)))
    return conditions


def _pattern(column: Any, pattern: str) -> ColumnElement[bool]:
    if pattern.endswith("*"):
        return column.startswith(pattern[:-1], autoescape=True)  # type: ignore[no-any-return]
    return column == pattern  # type: ignore[no-any-return]


def query_conditions(query: Query, dialect: str, *, but: str = "") -> list[ColumnElement[bool]]:
    """Return all conditions of a query on the current state."""
    conditions = identity_conditions(query, but=but)
    if not query.include_deleted:
        conditions.append(resource.c.deleted_at.is_(None))
    for name, value in query.tags.items():
        if but != f"tag:{name}":
            conditions.append(_tagged(name, value))
    if query.untagged:
        conditions.append(not_(_tagged(query.untagged, "*")))
    conditions.extend(word_conditions(query, dialect))
    conditions.extend(_where(path, operator, value, dialect) for path, operator, value in query.where)
    return conditions


def word_conditions(query: Query, dialect: str) -> list[ColumnElement[bool]]:
    """Return the condition that every word of the query occurs in the resource now; empty when the query has no word."""
    if not split_words(query.words):
        return []
    matching = text(_MATCHING[dialect]).bindparams(words=match_expression(query.words, dialect))
    return [resource.c.id.in_(matching)]


def _tagged(name: str, value: str) -> ColumnElement[bool]:
    other = tag.alias()  # facets join the same table
    conditions = [other.c.resource_row_id == resource.c.id, other.c.name == name]
    if value != "*":
        conditions.append(other.c.value == value)
    return exists(select(other.c.resource_row_id).where(and_(*conditions)))


def _where(path: str, operator: str, value: str, dialect: str) -> ColumnElement[bool]:
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
    number = _number(actual, dialect)
    return number < float(value) if operator == "<" else number > float(value)


def _json_text(parts: list[str], dialect: str) -> ColumnElement[Any]:
    """Return the value at a path as text: numbers as written, `true` and `false`; null when the path has no value."""
    if dialect == "sqlite":
        path = "$" + "".join(f"[{part}]" if part.isdigit() else f'."{part}"' for part in parts)
        kind = func.json_type(resource.c.document, path)
        extracted = cast(func.json_extract(resource.c.document, path), String)
        return case((kind == "true", "true"), (kind == "false", "false"), else_=extracted)
    document = cast(resource.c.document, JSONB())
    return document.op("#>>")(cast(literal("{" + ",".join(f'"{part}"' for part in parts) + "}"), ARRAY(Text)))


def member_exists(member: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a document has this top-level member, whatever its value."""
    if dialect == "sqlite":
        return func.json_type(resource.c.document, f'$."{member}"').is_not(None)
    return func.jsonb_exists(cast(resource.c.document, JSONB()), member)


def _number(actual: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    numeric = r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
    if dialect == "sqlite":
        # SQLite casts any text to a number (else 0.0): only texts that are numbers may match.
        return case((cast(cast(actual, Float), String) != "0.0", cast(actual, Float)), (actual == "0", 0.0), else_=None)
    return case((actual.op("~")(numeric), cast(actual, Float)), else_=None)
