"""Counts beside a listing: by type, account, region and tags, now or at a past time, from the index alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select

from windlass.inventory.member_index import group_counts, in_groups, valid_at
from windlass.inventory.member_values import LONG_TEXT, tag_pointer
from windlass.inventory.model import Facet, Query
from windlass.inventory.pages import matches_now_or_then
from windlass.inventory.tables import member_value

__all__ = ["facets"]

_TAG_VALUES = 50  # of one tag: types, accounts and regions are a closed set, and all of theirs are listed
_DIMENSIONS = ("type", "account", "region")


def facets(connection: Connection, query: Query, tags: Sequence[str]) -> dict[str, tuple[Facet, ...]]:
    """Return counts by type, account, region and the given tags, each over the matches of the *other* conditions."""
    found = matches_now_or_then(connection, query)
    patterns = (query.types, query.account_ids, query.regions)
    counts: dict[str, dict[str, int]] = {name: {} for name in _DIMENSIONS}
    for *values, number in group_counts(connection, found):
        selected = [_selects(chosen, str(value)) for chosen, value in zip(patterns, values, strict=True)]
        for at, name in enumerate(_DIMENSIONS):
            if all(selected[:at]) and all(selected[at + 1 :]):
                value = str(values[at])
                counts[name][value] = counts[name].get(value, 0) + int(number)
    listed = {name: _largest(by_value) for name, by_value in counts.items()}
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


def _selects(patterns: Iterable[str], value: str) -> bool:
    """True when there is no pattern, or one matches; only a trailing star is a wildcard, as in the query itself."""
    patterns = tuple(patterns)
    return not patterns or any(
        value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern for pattern in patterns
    )


def _largest(counts: Mapping[str, int]) -> tuple[Facet, ...]:
    return tuple(Facet(*item) for item in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
