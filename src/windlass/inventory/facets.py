"""Counts beside a listing: by type, account, region and tags, now or at a past time, from the index alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select

from windlass.inventory.member_index import facet_counts, in_groups, valid_at
from windlass.inventory.member_values import LONG_TEXT, tag_pointer
from windlass.inventory.model import Facet, Query
from windlass.inventory.pages import matches_now_or_then
from windlass.inventory.tables import member_value

__all__ = ["facets"]

_TAG_VALUES = 50  # of one tag: types, accounts and regions are a closed set, and all of theirs are listed


def facets(connection: Connection, query: Query, tags: Sequence[str]) -> dict[str, tuple[Facet, ...]]:
    """Return counts by type, account, region and the given tags, each over the matches of the *other* conditions."""
    found = matches_now_or_then(connection, query)
    listed = {name: _largest(counts) for name, counts in facet_counts(connection, found).items()}
    for name in tags:
        listed[f"tag:{name}"] = _largest(_tag_counts(connection, query, name))[:_TAG_VALUES]
    return listed


def _tag_counts(connection: Connection, query: Query, name: str) -> dict[str, int]:
    rows = member_value.alias()
    conditions = [rows.c.pointer == tag_pointer(name), valid_at(rows, query.at), rows.c.value != LONG_TEXT]
    conditions += in_groups(query, rows.c.group_id)
    others = {key: value for key, value in query.tags.items() if key != name}
    if others or query.untagged or query.where or query.words:
        found = matches_now_or_then(connection, replace(query, tags=others))
        conditions += found.restrict(rows.c.resource_row_id, rows.c.group_id)
    statement = select(rows.c.value, func.count()).where(*conditions).group_by(rows.c.value)
    return {row[0]: row[1] for row in connection.execute(statement)}


def _largest(counts: Mapping[str, int]) -> tuple[Facet, ...]:
    return tuple(Facet(*item) for item in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
