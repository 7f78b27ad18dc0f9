"""The owner of every resource, as rows with validity: written for new revisions, and for all when the rules change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from windlass.core.clock import format_time, parse_time
from windlass.inventory.change_feed import FeedEntry
from windlass.inventory.conditions import owned_at
from windlass.inventory.member_values import microseconds, tag_pointer
from windlass.inventory.model import Resource
from windlass.inventory.store_meta import meta_value, set_meta_value
from windlass.inventory.tables import member_value, resource, resource_owner, revision, revision_feed
from windlass.owners.model import OwnedResource, Ownership
from windlass.owners.rules import STACK_TAG, OwnerRules
from windlass.store.engine import Store

__all__ = [
    "count_owners",
    "owned_resource",
    "owners_known_since",
    "owners_of",
    "refresh_owners",
    "with_owners",
    "write_new_owners",
]

_BATCH = 400
_STACK, _ACCOUNT = "cloudformation.stack", "organizations.account"
_DIGEST, _SINCE = "owner rules", "owners since"
_COLUMNS = [
    resource.c[name]
    for name in ("id", "type", "account_id", "region", "resource_id", "name", "arn", "tags", "changed_at", "deleted_at")
]


def write_new_owners(connection: Connection, rules: OwnerRules, entries: Sequence[FeedEntry]) -> None:
    """Write the owners of the resources that new revisions are of, and of what is in changed stacks and accounts."""
    statement = select(revision.c.resource_row_id).distinct()
    changed = connection.execute(
        statement.where(revision.c.revision_id.in_([entry.revision_id for entry in entries]))
    ).scalars()
    row_ids = sorted(changed)
    _write_owners(connection, rules, row_ids)
    members = _members(connection, row_ids)
    if members:
        last = connection.execute(
            select(func.max(resource.c.changed_at)).where(resource.c.id.in_(row_ids))
        ).scalar_one()
        _write_owners(connection, rules, members, now=parse_time(last))


def refresh_owners(store: Store, rules: OwnerRules, *, now: datetime) -> bool:
    """Write all owners again when the rules are others than those that they were written by. True when they were."""
    digest = rules.digest
    with store.read() as connection:
        written = meta_value(connection, _DIGEST)
        if written == digest:
            return False
        last = connection.execute(select(func.max(resource.c.id))).scalar() or 0
    changed_at = (
        now if written else None
    )  # the first owners are those of the tags that the resources have since their last change
    for start in range(0, last + 1, _BATCH):
        write = partial(_write_owners, rules=rules, row_ids=range(start, start + _BATCH), now=changed_at)
        store.transact(write)
    store.transact(lambda connection: _finish_refresh(connection, digest, now, is_first=not written))
    return True


def owners_known_since(connection: Connection) -> str:
    """Return the time before which nobody recorded owners; empty when they were recorded from the first resource on."""
    return meta_value(connection, _SINCE)


def _finish_refresh(connection: Connection, digest: str, now: datetime, *, is_first: bool) -> None:
    set_meta_value(connection, _DIGEST, digest)
    if is_first:
        fed = select(revision_feed.c.revision_id)
        older = connection.execute(select(revision.c.revision_id).where(revision.c.revision_id.not_in(fed)).limit(1))
        set_meta_value(connection, _SINCE, format_time(now) if older.first() else "")


def owners_of(connection: Connection, row_ids: Sequence[int], *, at: datetime | None = None) -> dict[int, str]:
    """Return the owners, now or at a time, of those of the resources that have one."""
    owners: dict[int, str] = {}
    for start in range(0, len(row_ids), _BATCH):
        statement = select(resource_owner.c.resource_row_id, resource_owner.c.owner).where(
            resource_owner.c.resource_row_id.in_(row_ids[start : start + _BATCH]), owned_at(at)
        )
        owners.update((row.resource_row_id, row.owner) for row in connection.execute(statement))
    return owners


def with_owners(connection: Connection, resources: Sequence[Resource], *, at: datetime | None = None) -> list[Resource]:
    """Return the resources with their owners, now or at a time."""
    owners = owners_of(connection, [item.id for item in resources], at=at)
    return [replace(item, owner=owners.get(item.id, "")) for item in resources]


def count_owners(connection: Connection) -> list[tuple[str, str, int]]:
    """Return (owner, source, number of resources) of all that exists; the owner is empty for resources without one."""
    columns = (func.coalesce(resource_owner.c.owner, ""), func.coalesce(resource_owner.c.source, ""))
    joined = resource.outerjoin(
        resource_owner, (resource_owner.c.resource_row_id == resource.c.id) & resource_owner.c.valid_to.is_(None)
    )
    statement = (
        select(*columns, func.count()).select_from(joined).where(resource.c.deleted_at.is_(None)).group_by(*columns)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(statement)]


def owned_resource(connection: Connection, row_id: int) -> OwnedResource:
    """Return a resource as the rules see it, with the tags of its stack and account."""
    row = connection.execute(select(*_COLUMNS).where(resource.c.id == row_id)).one()
    return _Context(connection, [row]).resource(row)


class _Context:
    """The tags of the stacks and accounts of some resources."""

    def __init__(self, connection: Connection, rows: Sequence[Any]) -> None:
        self._tags: dict[int, Mapping[str, str]] = {row.id: json.loads(row.tags) for row in rows}
        self._stacks = _stack_tags(connection, {tags[STACK_TAG] for tags in self._tags.values() if STACK_TAG in tags})
        self._accounts = _account_tags(connection)

    def resource(self, row: Any) -> OwnedResource:
        tags = self._tags[row.id]
        return OwnedResource(
            type=row.type,
            account_id=row.account_id,
            region=row.region,
            resource_id=row.resource_id,
            name=row.name,
            arn=row.arn,
            tags=tags,
            stack_tags=self._stacks.get((row.account_id, row.region, tags.get(STACK_TAG, "")), {}),
            account_tags=self._accounts.get(row.account_id, {}),
        )


def _stack_tags(connection: Connection, names: Iterable[str]) -> dict[tuple[str, str, str], Mapping[str, str]]:
    columns = [resource.c[name] for name in ("account_id", "region", "name", "tags")]
    statement = select(*columns).where(
        resource.c.type == _STACK, resource.c.deleted_at.is_(None), resource.c.name.in_(sorted(names))
    )
    return {(row.account_id, row.region, row.name): json.loads(row.tags) for row in connection.execute(statement)}


def _account_tags(connection: Connection) -> dict[str, Mapping[str, str]]:
    statement = select(resource.c.resource_id, resource.c.tags).where(
        resource.c.type == _ACCOUNT, resource.c.deleted_at.is_(None), resource.c.tags != "{}"
    )
    return {row.resource_id.rpartition("/")[2]: json.loads(row.tags) for row in connection.execute(statement)}


def _members(connection: Connection, row_ids: Sequence[int]) -> list[int]:
    """Return the resources in the stacks and accounts that are among the resources."""
    statement = select(resource.c.type, resource.c.name, resource.c.resource_id).where(
        resource.c.id.in_(row_ids), resource.c.type.in_((_STACK, _ACCOUNT))
    )
    changed = connection.execute(statement).all()
    stacks = {row.name for row in changed if row.type == _STACK}
    accounts = {row.resource_id.rpartition("/")[2] for row in changed if row.type == _ACCOUNT}
    members: set[int] = set()
    if stacks:
        in_stacks = select(member_value.c.resource_row_id).where(
            member_value.c.pointer == tag_pointer(STACK_TAG),
            member_value.c.value.in_(sorted(stacks)),
            member_value.c.valid_to.is_(None),
        )
        members.update(connection.execute(in_stacks).scalars())
    if accounts:
        in_accounts = select(resource.c.id).where(
            resource.c.account_id.in_(sorted(accounts)), resource.c.deleted_at.is_(None)
        )
        members.update(connection.execute(in_accounts).scalars())
    return sorted(members)


def _write_owners(
    connection: Connection, rules: OwnerRules, row_ids: Sequence[int], *, now: datetime | None = None
) -> None:
    """Write the owners of resources. A change of the rules is valid from `now`, one of a resource from its last change on."""
    for start in range(0, len(row_ids), _BATCH):
        batch = row_ids[start : start + _BATCH]
        rows = connection.execute(select(*_COLUMNS).where(resource.c.id.in_(batch))).all()
        context = _Context(connection, rows)
        known = {
            row.resource_row_id: row
            for row in connection.execute(
                select(resource_owner).where(
                    resource_owner.c.resource_row_id.in_(batch), resource_owner.c.valid_to.is_(None)
                )
            )
        }
        begun = []
        for row in rows:
            ownership = Ownership("") if row.deleted_at else rules.owner_of(context.resource(row))
            before = known.get(row.id)
            after = (ownership.owner, str(ownership.source or ""), ownership.why)
            if before is not None and (before.owner, before.source, before.why) == after:
                continue
            moment = microseconds(now or parse_time(row.changed_at))
            if before is not None:
                moment = max(moment, before.valid_from)
                ended = update(resource_owner).where(resource_owner.c.owner_id == before.owner_id)
                connection.execute(ended.values(valid_to=moment))
            if ownership.owner:
                values = dict(zip(("owner", "source", "why"), after, strict=True))
                begun.append({"resource_row_id": row.id, **values, "valid_from": moment, "valid_to": None})
        if begun:
            connection.execute(insert(resource_owner), begun)
