"""Deleting revisions with all that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete

from windlass.inventory.derived_rows import batches
from windlass.inventory.tables import revision, revision_event, revision_feed

__all__ = ["delete_revisions"]


def delete_revisions(connection: Connection, revision_ids: Sequence[int]) -> None:
    """Delete revisions, their events and their places on the feed.

    SQLite gives the highest ids again: what belonged to a deleted revision must not belong to a later one.
    """
    for batch in batches(revision_ids):
        for table in (revision_feed, revision_event, revision):
            connection.execute(delete(table).where(table.c.revision_id.in_(batch)))
