"""The ids of facet groups: one per (type, account, region) that resources have."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from windlass.inventory.tables import facet_group

__all__ = ["GroupKey", "group_ids"]

GroupKey = tuple[str, str, str]
"""Type, account and region."""


def group_ids(connection: Connection, keys: Iterable[GroupKey]) -> dict[GroupKey, int]:
    """Return the id of each group; new groups are inserted."""
    numbers: dict[GroupKey, int] = {}
    for key in sorted(set(keys)):  # in one order: two writers that create the same groups never wait for each other
        number = _number(connection, key)
        if number is None:
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            values = dict(zip(("type", "account_id", "region"), key, strict=True))
            connection.execute(insert(facet_group).values(values).on_conflict_do_nothing())
            number = _number(connection, key)
        assert number is not None
        numbers[key] = number
    return numbers


def _number(connection: Connection, key: GroupKey) -> int | None:
    type_, account_id, region = key
    statement = select(facet_group.c.id).where(
        facet_group.c.type == type_, facet_group.c.account_id == account_id, facet_group.c.region == region
    )
    return connection.execute(statement).scalar_one_or_none()
