"""What decides a result besides the resource's own document: its targets, and the account's public access block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from windlass.checks.evaluation import CompiledCheck
from windlass.checks.store_index import StoreIndex
from windlass.core.canonical import canonical_json
from windlass.inventory.tables import relation, resource

__all__ = ["Contexts", "read_contexts"]


@dataclass(slots=True)
class Contexts:
    """The context of the resources of one type, as a text that differs when a result may differ."""

    by_row: dict[int, str] = field(default_factory=dict)
    by_account: dict[str, str] = field(default_factory=dict)
    gone_at: dict[int, str] = field(default_factory=dict)
    """When the last of a resource's targets was deleted."""

    def text(self, row_id: int, account_id: str) -> str:
        """Return the context of a resource; empty when its document alone decides."""
        return self.by_row.get(row_id, "") + self.by_account.get(account_id, "")


def read_contexts(
    connection: Connection, kind: str, checks: Sequence[CompiledCheck], index: StoreIndex, accounts: Sequence[str]
) -> Contexts:
    """Return the contexts that the checks of a type need."""
    called = frozenset[str]().union(*(compiled.functions for compiled in checks))
    contexts = Contexts()
    if "account_blocks" in called:
        contexts.by_account = {account: canonical_json(index.account_block(account)) for account in accounts}
    if "gone_targets" in called:
        _read_targets(connection, kind, index, contexts)
    return contexts


def _read_targets(connection: Connection, kind: str, index: StoreIndex, contexts: Contexts) -> None:
    statement = (
        select(relation.c.source_row_id, relation.c.target)
        .join(resource, resource.c.id == relation.c.source_row_id)
        .where(resource.c.type == kind, relation.c.valid_to.is_(None), relation.c.target.startswith("arn:"))
    )
    states: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(statement):
        there = index.exists(row.target)
        if there is not True:
            states[row.source_row_id].append(f"{row.target} {there}")
            deleted_at = index.deleted_at(row.target)
            if there is False and deleted_at:
                known = contexts.gone_at.get(row.source_row_id, "")
                contexts.gone_at[row.source_row_id] = max(known, deleted_at)
    contexts.by_row = {row_id: " ".join(sorted(texts)) for row_id, texts in states.items()}
