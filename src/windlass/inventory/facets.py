"""Counts beside a listing: by type, account, region, owner and tags, now or at a past time, from the index alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select

from windlass.inventory.conditions import owned_at
from windlass.inventory.member_index import count_matches, facet_counts, in_groups, valid_at
from windlass.inventory.member_values import LONG_TEXT, tag_pointer
from windlass.inventory.model import Facet, Query
from windlass.inventory.pages import matches_now_or_then
from windlass.inventory.tables import member_value, resource_owner

__all__ = ["NO_OWNER", "facets"]

NO_OWNER = "-"
"""In place of an owner: nobody."""
_TAG_VALUES = 50  # of one tag: types, accounts and regions are a closed set, and all of theirs are listed


def facets(connection: Connection, query: Query, tags: Sequence[str]) -> dict[str, tuple[Facet, ...]]:
    """Return counts by type, account, region, owner and the given tags, each over the matches of the *other* conditions."""
    matches = matches_now_or_then(connection, query)
    listed = {name: _largest(counts) for name, counts in facet_counts(connection, matches).items()}
    free = [name for name in tags if name not in query.tags]
    listed["owner"] = _owner_counts(connection, query)
    by_tag = _tag_counts(connection, query, free) if free else {}
    for name in tags:
        if name in query.tags:
            others = {key: value for key, value in query.tags.items() if key != name}
            by_tag |= _tag_counts(connection, replace(query, tags=others), [name])
        listed[f"tag:{name}"] = _largest(by_tag[name])[:_TAG_VALUES]
    return listed


def _owner_counts(connection: Connection, query: Query) -> tuple[Facet, ...]:
    """Return the number of matches by owner, and last (`-`) of those that nobody owns."""
    others = replace(query, owner="", ownerless=False)
    found = matches_now_or_then(connection, others)
    statement = select(resource_owner.c.owner, func.count()).where(owned_at(query.at)).group_by(resource_owner.c.owner)
    if not found.unfiltered or query.types or query.account_ids or query.regions:
        rows = found.select(narrowed=True).subquery()
        statement = statement.join(rows, rows.c.row_id == resource_owner.c.resource_row_id)
    counts = {row[0]: row[1] for row in connection.execute(statement)}
    ownerless = count_matches(connection, found) - sum(counts.values())
    return (*_largest(counts)[:_TAG_VALUES], *([Facet(NO_OWNER, ownerless)] if ownerless else []))


def _tag_counts(connection: Connection, query: Query, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the number of matches by the values of each tag: one statement, so that the set of matches is built once."""
    rows = member_value.alias()
    pointers = {tag_pointer(name): name for name in names}
    conditions = [rows.c.pointer.in_(pointers), valid_at(rows, query.at), rows.c.value != LONG_TEXT]
    conditions += in_groups(query, rows.c.group_id)
    matches = matches_now_or_then(connection, query)
    conditions += matches.restrict(rows.c.resource_row_id, rows.c.group_id, exists_anyway=True)
    statement = (
        select(rows.c.pointer, rows.c.value, func.count()).where(*conditions).group_by(rows.c.pointer, rows.c.value)
    )
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for pointer, value, number in connection.execute(statement):
        counts[pointers[pointer]][value] = number
    return counts


def _largest(counts: Mapping[str, int]) -> tuple[Facet, ...]:
    return tuple(Facet(*item) for item in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
