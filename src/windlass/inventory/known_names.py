"""The known types, accounts, regions and document members: a misspelt one is an error, not an empty result."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from windlass.core.errors import UsageError
from windlass.core.suggest import unknown_word
from windlass.estate.aws_names import answer_of, region_names
from windlass.inventory.catalog import CATALOG
from windlass.inventory.conditions import identity_conditions
from windlass.inventory.filters import path_parts
from windlass.inventory.member_index import in_groups
from windlass.inventory.member_values import pointer_hash
from windlass.inventory.model import GLOBAL, Query
from windlass.inventory.resource_type import ResourceType
from windlass.inventory.tables import facet_group, member_value, resource, resource_owner, scope

__all__ = ["check_query"]

_SAMPLE_DOCUMENTS = 500  # whose members are suggested for a misspelt one
_OWN_MEMBERS = ("Tags", "name")


@dataclass(frozen=True, slots=True)
class _Stored:
    types: frozenset[str]
    account_ids: frozenset[str]
    regions: frozenset[str]


def check_query(connection: Connection, query: Query, *, account_ids: Iterable[str] = ()) -> None:
    """Raise UsageError, with the nearest known name, for an unknown type, account, region, owner or document member.

    Known are the values in the store, the catalog's types, AWS's regions, the configured `account_ids`, and the members of
    AWS's responses in botocore's models (a condition may name `KmsMasterKeyId` although no queue has a KMS key).
    """
    stored = _stored(connection)
    _check("type", query.types, stored.types | {kind.name for kind in CATALOG})
    accounts = stored.account_ids | set(account_ids)
    if accounts:  # before the first collection no account is known
        _check("account", query.account_ids, accounts)
    _check("region", query.regions, stored.regions | region_names() | {GLOBAL})
    if query.owner not in ("", "*"):
        owners = connection.execute(select(resource_owner.c.owner).distinct()).scalars().all()
        _check("owner", (query.owner,), owners or (query.owner,))
    for path, _, _ in query.where:
        _check_member(connection, query, path_parts(path)[0], stored)


def _check(kind: str, words: Iterable[str], known: Collection[str]) -> None:
    for word in words:
        # As in queries, only a trailing star is a pattern.
        matches = any(name.startswith(word[:-1]) for name in known) if word.endswith("*") else word in known
        if not matches:
            families = {f"{name.partition('.')[0]}.*" for name in known if "." in name}
            raise unknown_word(kind, word, families if word.endswith("*") and families else known)


def _stored(connection: Connection) -> _Stored:
    types: set[str] = set()
    accounts: set[str] = set()
    regions: set[str] = set()
    for table in (facet_group, scope):
        statement = select(table.c.type, table.c.account_id, table.c.region).distinct()
        for type_, account_id, region in connection.execute(statement):
            types.add(type_)
            accounts.add(account_id)
            regions.add(region)
    return _Stored(frozenset(types), frozenset(accounts), frozenset(regions))


def _check_member(connection: Connection, query: Query, member: str, stored: _Stored) -> None:
    if not stored.types or member in _OWN_MEMBERS:
        return
    holds = select(member_value.c.value).where(
        member_value.c.pointer == pointer_hash((member,)),
        *in_groups(Query(types=query.types), member_value.c.group_id),
    )
    if connection.execute(holds.limit(1)).first() is not None:
        return
    kinds = [kind for kind in CATALOG if _selected(kind.name, query.types, stored)]
    known: set[str] = set(_OWN_MEMBERS)
    for kind in kinds:
        members, free = _declared(kind)
        if free or member in members:
            return
        known |= members
    close = unknown_word("path", member, _sampled(connection, query) or known)
    raise UsageError(
        f"no document{' of ' + ', '.join(query.types) if query.types else ''} has a member {member!r}",
        hint=f"{close.hint} Conditions on the resource itself are type=, account=, region=, name and tag:.",
        code="UnknownWord",
    )


def _selected(name: str, types: tuple[str, ...], stored: _Stored) -> bool:
    """True for types that the query selects by name or pattern; without any, for types in the store."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in types) if types else name in stored.types


def _declared(kind: ResourceType) -> tuple[frozenset[str], bool]:
    """Return the members that documents of a type may have, and True when AWS's model allows any others."""
    listing = answer_of(kind.service, kind.operation)
    members = {*listing.members, *(detail.key for detail in kind.details), kind.wrap}
    free = False
    for detail in kind.details:
        if not detail.key:
            response = answer_of(detail.service or kind.service, detail.operation)
            members |= response.members
            free = free or response.has_free_map
    return frozenset(members - {""}), free


def _sampled(connection: Connection, query: Query) -> set[str]:
    """Return the members of a sample of the selected documents, as suggestions for a misspelt one."""
    narrowed = identity_conditions(Query(types=query.types))
    statement = (
        select(resource.c.document)
        .where(*narrowed, func.length(resource.c.document) < 100_000)
        .limit(_SAMPLE_DOCUMENTS)
    )
    return {member for row in connection.execute(statement) for member in json.loads(row.document)}
