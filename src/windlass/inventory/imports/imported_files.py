"""The rows of `imported_file`: the files that are done, so that an interrupted import continues."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from windlass.core.clock import format_time
from windlass.inventory.imports.source_files import SourceFile
from windlass.inventory.tables import imported_file
from windlass.store.engine import Store

__all__ = ["done_files", "record_file"]


def done_files(store: Store, kind: str, *, below: str = "") -> dict[str, str]:
    """Return the ETags of the files that were imported, by location; those whose location begins with `below`."""
    columns = (imported_file.c.location, imported_file.c.etag)
    statement = select(*columns).where(
        imported_file.c.kind == kind, imported_file.c.location.startswith(below, autoescape=True)
    )
    return store.fetch(lambda connection: {row.location: row.etag for row in connection.execute(statement)})


def record_file(
    store: Store, connection: Connection, kind: str, file: SourceFile, *, items: int, revisions: int, now: datetime
) -> None:
    """Record a file as imported, in the transaction that writes its content."""
    values = {
        "kind": kind,
        "location": file.location,
        "etag": file.etag,
        "items": items,
        "revisions": revisions,
        "imported_at": format_time(now),
    }
    insertion = store.upsert(imported_file).values(**values)
    changed = {name: insertion.excluded[name] for name in values if name not in ("kind", "location")}
    connection.execute(insertion.on_conflict_do_update(index_elements=["kind", "location"], set_=changed))
