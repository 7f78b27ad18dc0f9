"""Ranked search: exact names and ids first, then their beginnings, words of names, parts of ids, tags, documents.

Each rank is a separate query, and the next one runs only while the page is not full, so that a common word costs no more
than a rare one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Connection, Integer, Select, func, literal_column, or_, select, table, text

from windlass.inventory.full_text import match_expression, split_words
from windlass.inventory.member_index import Matches, count_matches, in_groups, valid_at
from windlass.inventory.member_values import NAME
from windlass.inventory.model import Page, Query
from windlass.inventory.networks import holder_ids
from windlass.inventory.pages import matches_now_or_then, resources_by_id
from windlass.inventory.resources import read_cursor, write_cursor
from windlass.inventory.search_terms import network_of
from windlass.inventory.tables import member_value, resource

__all__ = ["is_ranked", "search_page"]

_MAX_RANKED = 1000  # results: a page needs the ranks of all results before it
_MIN_PART = 3  # characters of a part of an id: shorter ones occur everywhere
_LAST_CHARACTER = "\U0010ffff"

_words = table("resource_words", Column("rowid", Integer))


def is_ranked(query: Query) -> bool:
    """True for a query with search words and the order `relevance`."""
    return query.sort == "relevance" and bool(split_words(query.words)) and not query.include_deleted


def search_page(connection: Connection, query: Query, *, documents: bool = False) -> Page:
    """Return a page of the best matches, at most 1,000 over all pages. Words are those of the latest documents."""
    start = int(read_cursor(query.cursor)[0]) if query.cursor else 0
    most = min(start + query.limit + 1, _MAX_RANKED)
    ranked = _ranked_ids(connection, query, most)
    shown = ranked[start : start + query.limit]
    rows = resources_by_id(connection, shown, at=query.at, documents=documents)
    more = len(ranked) > start + query.limit
    total = len(ranked)
    if len(ranked) >= most:
        matches = matches_now_or_then(connection, query)
        total = max(total, count_matches(connection, matches))
    return Page(tuple(rows), write_cursor(str(start + query.limit), shown[-1]) if more else "", total)


def _ranked_ids(connection: Connection, query: Query, most: int) -> list[int]:
    """Return at most `most` row ids, the best first."""
    dialect = connection.dialect.name
    others = matches_now_or_then(connection, replace(query, words=""))
    ranked: dict[int, None] = {}

    def add(statements: Iterable[Select[Any]]) -> None:
        for statement in statements:
            if len(ranked) >= most:
                return
            # Rows of earlier ranks appear again: the limit leaves room for them.
            for row in connection.execute(statement.limit(most + len(ranked))):
                ranked.setdefault(row[0])

    add(_by_name(query, others, dialect))
    phrase = query.words.strip()
    if not ranked and len(phrase) >= _MIN_PART and not any(character.isspace() for character in phrase):
        add(
            _by_part(query, others, phrase, dialect)
        )  # reads every name: needed only for a text that no name begins with
    add(_by_content(query, others, dialect))
    return list(ranked)[:most]


def _by_name(query: Query, others: Matches, dialect: str) -> Iterator[Select[Any]]:
    """Yield the queries for row ids by name, id and address, the best first. `others`: all conditions except the words."""
    phrase = query.words.strip()
    names = (func.lower(resource.c.name), func.lower(resource.c.resource_id))
    lowered = phrase.lower()
    yield _of_resources(query, others).where(or_(*(name == lowered for name in names), resource.c.key == phrase))
    network = network_of(phrase)
    if network is not None:
        yield _of_resources(query, others).where(resource.c.id.in_(holder_ids(network, query.at)))
    for name in names:
        yield _of_resources(query, others).where(_begins(name, lowered, dialect)).order_by(name)
    if network is None:
        for beginnings in (False, True):
            words = match_expression(phrase, dialect, part="names", beginnings=beginnings)
            yield _of_words(query, others, words, dialect)


def _by_part(query: Query, others: Matches, part: str, dialect: str) -> Iterator[Select[Any]]:
    """Yield the queries for names, and for ids and ARNs, that have the part somewhere: each reads one index."""
    position = func.instr if dialect == "sqlite" else func.strpos
    names = member_value.alias()
    yield select(names.c.resource_row_id).where(
        names.c.pointer == NAME,
        valid_at(names, query.at),
        position(func.lower(names.c.value), part.lower()) > 0,
        *in_groups(query, names.c.group_id),
        *others.restrict(names.c.resource_row_id, names.c.group_id, exists_anyway=True),
    )
    # Ids are lower-case or in AWS's spelling: lowering a million of them would cost more than the search.
    written = or_(*(position(resource.c.key, form) > 0 for form in sorted({part, part.lower()})))
    yield _of_resources(query, others).where(written)


def _by_content(query: Query, others: Matches, dialect: str) -> Iterator[Select[Any]]:
    """Yield the queries for row ids by the words of tags, then of documents."""
    phrase = query.words.strip()
    if network_of(phrase) is None:
        for part in ("tags", ""):
            yield _of_words(query, others, match_expression(phrase, dialect, part=part), dialect)
        return
    # The numbers of an address occur in many documents: only the exact text counts.
    position = func.instr if dialect == "sqlite" else func.strpos
    numbers = _matching(match_expression(phrase, dialect, beginnings=False), dialect)
    yield _of_resources(query, others).where(
        resource.c.id.in_(select(_words.c.rowid).where(numbers)), position(resource.c.document, phrase) > 0
    )


def _of_resources(query: Query, others: Matches) -> Select[Any]:
    return select(resource.c.id).where(
        *in_groups(query, resource.c.group_id), *others.restrict(resource.c.id, resource.c.group_id)
    )


def _of_words(query: Query, others: Matches, expression: str, dialect: str) -> Select[Any]:
    row_id = literal_column(
        "resource_words.rowid + 0", Integer
    )  # "+ 0" prevents a look-up per row, each of which would search again
    matching = _matching(expression, dialect)
    if others.unfiltered and not (query.types or query.account_ids or query.regions):
        joined = _words.join(resource, resource.c.id == _words.c.rowid)
        existing = others.restrict(resource.c.id, resource.c.group_id)
        return select(_words.c.rowid).select_from(joined).where(matching, *existing)
    allowed = others.select(narrowed=True).subquery()
    return select(_words.c.rowid).where(matching, row_id.in_(select(allowed.c.row_id)))


def _matching(expression: str, dialect: str) -> Any:
    if dialect == "sqlite":
        return text("resource_words MATCH :words").bindparams(words=expression)
    return text("resource_words.words @@ to_tsquery('simple', :words)").bindparams(words=expression)


def _begins(name: Any, beginning: str, dialect: str) -> Any:
    """Return the condition in the form that the index on the lower-case name answers."""
    if dialect == "sqlite":
        return (name >= beginning) & (name < beginning + _LAST_CHARACTER)
    return name.startswith(beginning, autoescape=True)
