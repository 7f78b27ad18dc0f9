"""New revisions of the inventory as changes that rules can be compared with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from windlass.core.clock import parse_time
from windlass.inventory.model import ChangeKind
from windlass.inventory.owner_rows import with_owners
from windlass.inventory.resources import resource_of
from windlass.inventory.tables import resource, revision
from windlass.inventory.timetravel import document_at
from windlass.watch.changes import Change

__all__ = ["read_changes"]

_REVISION = ("revision_id", "change", "valid_from", "patch", "actor")


def read_changes(connection: Connection, revision_ids: Sequence[int]) -> dict[int, Change]:
    """Return the changes of revisions, by their ids, with the documents right after them."""
    columns = [revision.c[name].label(f"v_{name}") for name in _REVISION]
    statement = (
        select(resource, *columns)
        .join(revision, revision.c.resource_row_id == resource.c.id)
        .where(revision.c.revision_id.in_(revision_ids))
    )
    return {row.v_revision_id: _change(connection, row) for row in connection.execute(statement)}


def _change(connection: Connection, row: Any) -> Change:
    kind, at = ChangeKind(row.v_change), parse_time(row.v_valid_from)
    current = resource_of(row, document=True)
    if row.revision_id != row.v_revision_id and kind is not ChangeKind.DELETED:
        document = document_at(connection, current, at) or {}
        tags = document.get("Tags")
        current = replace(current, document=document, tags=tags if isinstance(tags, dict) else {})
    # A deleted resource is nobody's: whoever owned it until then is told.
    owned_at = at - timedelta(microseconds=1) if kind is ChangeKind.DELETED else None
    return Change(
        resource=with_owners(connection, [current], at=owned_at)[0],
        kind=kind,
        at=at,
        patch=tuple(json.loads(row.v_patch)),
        actor=row.v_actor or "",
    )
