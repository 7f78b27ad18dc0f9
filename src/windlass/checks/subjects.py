"""The resources that checks judge, as rows of the store and as subjects of conditions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from windlass.checks.evaluation import Subject
from windlass.inventory.conditions import id_list
from windlass.inventory.model import ScopeState
from windlass.inventory.tables import resource, scope, unread_detail

__all__ = ["COMPLETE", "scope_states", "subject_of", "subject_rows", "unread_members"]

COMPLETE = (str(ScopeState.OK), str(ScopeState.UNSUPPORTED))
"""The states of a scope whose resources and their details are all known. `partial` is not: see unread_members."""
_BATCH = 2000
_COLUMNS = ("id", "type", "account_id", "region", "name", "tags", "document", "changed_at", "revision_id", "revisions")


def subject_rows(connection: Connection, ids: Sequence[int]) -> Iterator[Sequence[Any]]:
    """Yield the rows of resources in batches."""
    statement = select(*(resource.c[name] for name in _COLUMNS))
    for start in range(0, len(ids), _BATCH):
        batch = id_list(ids[start : start + _BATCH], connection.dialect.name)
        yield connection.execute(statement.where(resource.c.id.in_(batch))).all()


def subject_of(row: Any, unread: frozenset[str]) -> Subject:
    """Return a row of a resource as conditions see it."""
    tags = {} if row.tags == "{}" else json.loads(row.tags)
    return Subject(row.account_id, row.region, row.name, tags, json.loads(row.document), unread)


def unread_members(connection: Connection, kinds: Sequence[str]) -> dict[int, frozenset[str]]:
    """Return the members that were not read, of those resources of the types that have any."""
    statement = (
        select(unread_detail.c.resource_row_id, unread_detail.c.read_at)
        .join(resource, resource.c.id == unread_detail.c.resource_row_id)
        .where(resource.c.type.in_(kinds))
    )
    return {row.resource_row_id: frozenset(json.loads(row.read_at)) for row in connection.execute(statement)}


def scope_states(connection: Connection, kinds: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return the states of the scopes of some types, by account."""
    states: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(scope.c.account_id, scope.c.state).where(scope.c.type.in_(kinds))):
        states[row.account_id].append(row.state)
    return states
