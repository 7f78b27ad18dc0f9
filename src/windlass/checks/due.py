"""Which resources a run judges: what changed, what the passing of time may change, and what other resources may change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from windlass.checks.contexts import Contexts, read_contexts
from windlass.checks.evaluation import CompiledCheck, Evaluator
from windlass.checks.store_index import StoreIndex
from windlass.checks.subjects import unread_members
from windlass.checks.tables import judged_resource
from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time
from windlass.inventory.conditions import id_list
from windlass.inventory.tables import account_state, resource

__all__ = ["Due", "DueType", "Judged", "find_due", "remember"]


@dataclass(slots=True)
class DueType:
    """The resources of one type that are due, and what decides their results."""

    checks: Sequence[CompiledCheck]
    catalogue: str
    contexts: Contexts
    unread: dict[int, frozenset[str]] = field(default_factory=dict)
    row_ids: list[int] = field(default_factory=list)
    judged: dict[int, int] = field(default_factory=dict)
    """The revisions by which those of them that were judged before were judged."""
    actors: dict[int, str] = field(default_factory=dict)
    """Who made the latest revisions of the resources that are judged now."""

    def inputs(self, row_id: int, account_id: str) -> str:
        """Return a digest of everything besides the document that decides the results of a resource."""
        unread, context = self.unread.get(row_id), self.contexts.text(row_id, account_id)
        if not unread and not context:
            return self.catalogue  # of almost every resource
        text = f"{self.catalogue}|{' '.join(sorted(unread or ()))}|{context}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Due:
    """The due resources by type, and the number of all resources that checks judge."""

    types: Mapping[str, DueType]
    resources: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A resource that was judged, by which revision, and when its results may change with time alone."""

    row_id: int
    revision_id: int
    inputs: str
    due_at: str | None


def find_due(connection: Connection, evaluator: Evaluator, index: StoreIndex, now: datetime) -> Due:
    """Return what to judge. One pass over the resources: an index per type would cost every write of the inventory."""
    accounts = connection.execute(select(account_state.c.account_id)).scalars().all()
    types: dict[str, DueType] = {}
    for kind in evaluator.types:
        checks = [compiled for compiled in evaluator.checks_of(kind) if not compiled.check.any_of_account]
        if checks:
            catalogue = _digest([(each.check.id, each.check.passes, each.check.applies) for each in checks])
            types[kind] = DueType(checks, catalogue, read_contexts(connection, kind, checks, index, accounts))
    for row_id, members in unread_members(connection, list(types)).items():
        for due in types.values():
            due.unread[row_id] = members
    moment, result = format_time(now), Due(types)
    columns = [resource.c[name] for name in ("id", "type", "account_id", "revision_id")]
    judged = [
        judged_resource.c.revision_id.label("judged_revision"),
        judged_resource.c.inputs,
        judged_resource.c.due_at,
    ]
    statement = (
        select(*columns, *judged)
        .outerjoin(judged_resource, judged_resource.c.resource_row_id == resource.c.id)
        .where(resource.c.deleted_at.is_(None))
    )
    for row_id, kind, account_id, revision_id, judged_revision, inputs, due_at in connection.execute(statement):
        of_type = types.get(kind)
        if of_type is None:
            continue
        result.resources += 1
        unchanged = judged_revision == revision_id and inputs == of_type.inputs(row_id, account_id)
        if not unchanged or (due_at is not None and due_at <= moment):
            of_type.row_ids.append(row_id)
            if judged_revision is not None:
                of_type.judged[row_id] = judged_revision
    return result


def remember(connection: Connection, rows: Sequence[Judged], *, known: Mapping[int, int]) -> None:
    """Record that resources were judged. `known` are those that were judged before."""
    before = [row.row_id for row in rows if row.row_id in known]
    if before:
        ours = judged_resource.c.resource_row_id.in_(id_list(before, connection.dialect.name))
        connection.execute(delete(judged_resource).where(ours))
    connection.execute(
        insert(judged_resource),
        [
            {
                "resource_row_id": row.row_id,
                "revision_id": row.revision_id,
                "inputs": row.inputs,
                "due_at": row.due_at,
            }
            for row in rows
        ],
    )


def _digest(value: object) -> str:
    return hashlib.blake2b(canonical_json(value).encode(), digest_size=16).hexdigest()
