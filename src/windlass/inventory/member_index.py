"""A query as conditions on the index `member_value`, now or at a past time: both databases answer it from one B-tree.

Where a condition reaches into a list or a long text, the documents of the candidate resources are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)

from windlass.inventory.conditions import compare_number, id_list, identity_conditions, owner_condition, word_condition
from windlass.inventory.filters import path_parts
from windlass.inventory.full_text import split_words
from windlass.inventory.member_values import (
    LARGE_OBJECT,
    LIST,
    LONG_TEXT,
    MAX_TEXT,
    NAME,
    OBJECT,
    ROOT,
    microseconds,
    pointer_hash,
    presence_pointer,
    tag_pointer,
)
from windlass.inventory.model import Query
from windlass.inventory.tables import facet_group, member_value

__all__ = [
    "Condition",
    "Matches",
    "Verify",
    "count_matches",
    "facet_counts",
    "in_groups",
    "matches_of",
    "valid_at",
    "value_counts",
]

_MARKERS = (OBJECT, LIST, LARGE_OBJECT, LONG_TEXT)
# Rows: a set of at most this many ids is built once, in place of a look-up for each row of a larger one.
_SMALL = 50_000

Condition = tuple[str, str, str]
Verify = Callable[[Sequence[int], Condition], Sequence[int]]
"""Return those of the row ids whose document, at the query's time, satisfies the condition."""


def valid_at(rows: FromClause, at: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a row of `member_value` was valid at a time (None: now)."""
    if at is None:
        return rows.c.valid_to.is_(None)
    moment = microseconds(at)
    return and_(rows.c.valid_from <= moment, or_(rows.c.valid_to.is_(None), rows.c.valid_to > moment))


@dataclass(frozen=True, slots=True)
class _Term:
    """One condition: index rows with `pointer` that satisfy `value`, and the resources `verified` by their documents."""

    pointer: int
    value: Callable[[ColumnElement[Any]], ColumnElement[bool]] | str | None = None  # a text: equality; None: any value
    verified: tuple[int, ...] = ()
    negated: bool = False

    def rows(self, at: datetime | None) -> tuple[FromClause, list[ColumnElement[bool]]]:
        """Return an alias of the index and the conditions on it, without the verified resources."""
        rows = member_value.alias()
        conditions = [rows.c.pointer == self.pointer, valid_at(rows, at)]
        if isinstance(self.value, str):
            conditions.append(rows.c.value == self.value)
        elif self.value is not None:
            conditions.append(self.value(rows.c.value))
        return rows, conditions


_EXISTS = _Term(ROOT, "")


@dataclass(frozen=True, slots=True)
class Matches:
    """The resources that satisfy a query's tags, paths and words, without its types, accounts and regions."""

    query: Query
    dialect: str
    base: _Term  # the condition that selects the fewest rows
    others: tuple[_Term, ...]
    size: int  # rows of the base, at most _SMALL + 1

    @property
    def unfiltered(self) -> bool:
        """True when all resources that exist are matches."""
        owned = self.query.owner or self.query.ownerless
        return self.base is _EXISTS and not self.others and not owned and not split_words(self.query.words)

    def select(self, *, narrowed: bool = False) -> Select[Any]:
        """Return `SELECT row_id, group_id` of the matches; `narrowed` to the query's types, accounts and regions."""
        rows, conditions = self.base.rows(self.query.at)
        row_id, group_id = rows.c.resource_row_id, rows.c.group_id
        conditions += self._others(row_id, group_id)
        if narrowed:
            conditions += in_groups(self.query, group_id)
        return select(row_id.label("row_id"), group_id.label("group_id")).where(*conditions)

    def counted_parts(self) -> Iterator[tuple[int, Matches]]:
        """Yield (sign, matches) pairs whose signed counts add up to the count of these matches.

        Resources without a value are all others less those with it: two ranges of the index, in place of a look-up for each.
        """
        negated = [term for term in self.others if term.negated and not term.verified]
        if len(negated) != 1 or self.size <= _SMALL:
            yield 1, self
            return
        others = tuple(term for term in self.others if term is not negated[0])
        yield 1, replace(self, others=others)
        without = replace(negated[0], negated=False)
        if self.base is _EXISTS:  # a resource with the value exists
            yield -1, replace(self, base=without, others=others)
        else:
            yield -1, replace(self, others=(*others, without))

    def restrict(
        self, row_id: ColumnElement[int], group_id: ColumnElement[int], *, exists_anyway: bool = False
    ) -> list[ColumnElement[bool]]:
        """Return the conditions under which a row of another table, with these columns, is a match.

        `exists_anyway`: the row comes from the index and is valid at the time, so its resource exists.
        """
        if exists_anyway and self.base is _EXISTS:
            return self._others(row_id, group_id)
        if self.size <= _SMALL or split_words(self.query.words):
            return [row_id.in_(select(self.select().subquery().c.row_id))]
        return [self._holds(self.base, row_id, group_id), *self._others(row_id, group_id)]

    def _others(self, row_id: ColumnElement[int], group_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
        conditions = [self._holds(term, row_id, group_id) for term in self.others]
        return [*conditions, *owner_condition(self.query, row_id), *word_condition(self.query, self.dialect, row_id)]

    def _holds(self, term: _Term, row_id: ColumnElement[int], group_id: ColumnElement[int]) -> ColumnElement[bool]:
        rows, conditions = term.rows(self.query.at)
        if isinstance(term.value, str):
            same = (rows.c.group_id == group_id, rows.c.resource_row_id == row_id)
            holds: ColumnElement[bool] = exists(select(literal(1)).where(*conditions, *same))
        else:  # the index has no row for a missing value
            holds = row_id.in_(select(rows.c.resource_row_id).where(*conditions))
        if term.verified:
            holds = or_(holds, row_id.in_(id_list(term.verified, self.dialect)))
        return not_(holds) if term.negated else holds


def in_groups(query: Query, group_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """Return the query's conditions on type, account and region for a row with this group."""
    conditions = identity_conditions(query, table=facet_group)
    return [group_id.in_(select(facet_group.c.id).where(*conditions))] if conditions else []


def count_matches(connection: Connection, matches: Matches) -> int:
    """Return the number of matches, narrowed to the query's types, accounts and regions."""
    return sum(
        sign * connection.execute(select(func.count()).select_from(part.select(narrowed=True).subquery())).scalar_one()
        for sign, part in matches.counted_parts()
    )


def value_counts(connection: Connection, matches: Matches, dimension: str) -> dict[str, int]:
    """Return the number of narrowed matches by `type`, `account_id` or `region`."""
    counts: dict[str, int] = {}
    for sign, part in matches.counted_parts():
        groups = _by_group(part, narrowed=True).subquery()
        column = facet_group.c[dimension]
        statement = (
            select(column, func.sum(groups.c.number))
            .join(groups, groups.c.group_id == facet_group.c.id)
            .group_by(column)
        )
        for value, number in connection.execute(statement):
            counts[value] = counts.get(value, 0) + sign * int(number)
    return {value: number for value, number in counts.items() if number}


def facet_counts(connection: Connection, matches: Matches) -> dict[str, dict[str, int]]:
    """Return the number of matches by type, account and region, each narrowed by the query's conditions on the others."""
    query = matches.query
    dimensions = {
        "type": (facet_group.c.type, replace(query, types=())),
        "account": (facet_group.c.account_id, replace(query, account_ids=())),
        "region": (facet_group.c.region, replace(query, regions=())),
    }
    counts: dict[str, dict[str, int]] = {name: {} for name in dimensions}
    for sign, part in matches.counted_parts():
        groups = _by_group(part, narrowed=False).cte()  # counted once for all three
        statements = [
            select(literal(name), column, func.sum(groups.c.number))
            .join_from(facet_group, groups, groups.c.group_id == facet_group.c.id)
            .where(*identity_conditions(others, table=facet_group))
            .group_by(column)
            for name, (column, others) in dimensions.items()
        ]
        for name, value, number in connection.execute(union_all(*statements)):
            counts[name][value] = counts[name].get(value, 0) + sign * int(number)
    return {name: {value: number for value, number in by.items() if number} for name, by in counts.items()}


def _by_group(matches: Matches, *, narrowed: bool) -> Select[Any]:
    rows = matches.select(narrowed=narrowed).subquery()
    return select(rows.c.group_id, func.count().label("number")).group_by(rows.c.group_id)


def matches_of(connection: Connection, query: Query, verify: Verify) -> Matches:
    """Return the matches of a query, from the condition that selects the fewest resources."""
    dialect = connection.dialect.name
    terms = [
        _tag_term(name, value)
        if len(value) <= MAX_TEXT
        else _path_term(connection, query, (f"Tags.{name}", "=", value), verify)
        for name, value in query.tags.items()
    ]
    if query.untagged:
        terms.append(_Term(presence_pointer(query.untagged), "", negated=True))
    for condition in query.where:
        terms += _condition_terms(connection, query, condition, verify)
    bases = [term for term in terms if not term.negated and not term.verified]
    sized = [(_size(connection, query, term), at) for at, term in enumerate(bases)]
    if not sized:
        return Matches(query, dialect, _EXISTS, tuple(terms), _size(connection, query, _EXISTS))
    size, at = min(sized)
    return Matches(query, dialect, bases[at], tuple(term for term in terms if term is not bases[at]), size)


def _tag_term(name: str, value: str) -> _Term:
    return _Term(presence_pointer(name), "") if value == "*" else _Term(tag_pointer(name), value)


def _size(connection: Connection, query: Query, term: _Term) -> int:
    rows, conditions = term.rows(query.at)
    limited = select(literal(1)).select_from(rows).where(*conditions).limit(_SMALL + 1).subquery()
    return connection.execute(select(func.count()).select_from(limited)).scalar_one()


def _condition_terms(connection: Connection, query: Query, condition: Condition, verify: Verify) -> list[_Term]:
    path, operator, value = condition
    if operator == "missing":
        return [_negated(_path_term(connection, query, (path, "exists", ""), verify))]
    if operator == "!=":
        differs = _negated(_path_term(connection, query, (path, "=", value), verify))
        return [differs] if value else [differs, _path_term(connection, query, (path, "exists", ""), verify)]
    return [_path_term(connection, query, condition, verify)]


def _negated(term: _Term) -> _Term:
    return _Term(term.pointer, term.value, term.verified, negated=True)


def _path_term(connection: Connection, query: Query, condition: Condition, verify: Verify) -> _Term:
    path, operator, value = condition
    if path == "name":
        return _Term(NAME, _comparison(operator, value, connection.dialect.name))
    parts = path_parts(path)
    pointer = pointer_hash(parts)
    candidates: list[tuple[int, tuple[str, ...]]] = [
        (pointer_hash(parts[:length]), (LARGE_OBJECT, LIST) if parts[length].isdigit() else (LARGE_OBJECT,))
        for length in range(1, len(parts))
    ]
    if operator == "~" or (operator == "=" and (value[:1] in ("{", "[") or len(value) > MAX_TEXT)):
        candidates.append((pointer, _MARKERS))
    verified: list[int] = []
    for container, markers in candidates:
        rows = member_value.alias()
        statement = select(rows.c.resource_row_id).where(
            rows.c.pointer == container,
            rows.c.value.in_(markers),
            valid_at(rows, query.at),
            *in_groups(query, rows.c.group_id),
        )
        row_ids = connection.execute(statement).scalars().all()
        verified += verify(row_ids, condition) if row_ids else ()
    return _Term(pointer, _comparison(operator, value, connection.dialect.name), tuple(verified))


def _comparison(
    operator: str, value: str, dialect: str
) -> Callable[[ColumnElement[Any]], ColumnElement[bool]] | str | None:
    if operator == "exists":
        return None
    if operator == "=":
        return value
    if operator == "~":
        return lambda column: and_(func.lower(column).contains(value.lower(), autoescape=True), column.not_in(_MARKERS))
    return lambda column: compare_number(column, operator, float(value), dialect)
