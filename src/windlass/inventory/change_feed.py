"""The feed of new revisions: written in the transaction of the revision, and processed once.

A revision and its row of the feed commit together, and a row is deleted in the transaction of all that it led to. A process
that is killed at any moment leaves the row, or the results. Revision ids alone would not do: PostgreSQL commits them in any
order, so that a reader of "all after the last one" would miss some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, text

from windlass.inventory.model import Scope
from windlass.inventory.tables import revision_feed, scope
from windlass.store.engine import Store

__all__ = ["FeedEntry", "Observer", "append_actor", "append_to_feed", "process_feed"]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A revision that is new, or whose actor is.

    `is_baseline`: it is of the first listing of its scope, which shows what existed before. `names_actor`: it was on the feed
    before, and an event that came later says who made the change.
    """

    revision_id: int
    is_baseline: bool
    names_actor: bool = False


Observer = Callable[[Connection, Sequence[FeedEntry]], None]
"""Writes what follows from new revisions, in the transaction that takes them off the feed."""


def append_to_feed(connection: Connection, of: Scope, revision_ids: Sequence[int]) -> None:
    """Add new revisions of a scope, in the transaction that writes them."""
    known = select(scope.c.last_good_at).where(
        scope.c.account_id == of.account_id, scope.c.region == of.region, scope.c.type == of.type
    )
    is_baseline = connection.execute(known).scalar() is None
    if revision_ids:
        rows = [
            {"revision_id": revision_id, "is_baseline": is_baseline, "names_actor": False}
            for revision_id in revision_ids
        ]
        connection.execute(insert(revision_feed), rows)


def append_actor(connection: Connection, revision_id: int) -> None:
    """Add a revision whose actor has become known. One that is still on the feed is processed with its actor anyway."""
    pending = select(revision_feed.c.revision_id).where(revision_feed.c.revision_id == revision_id)
    if connection.execute(pending).first() is None:
        connection.execute(insert(revision_feed).values(revision_id=revision_id, is_baseline=False, names_actor=True))


def process_feed(store: Store, observers: Sequence[Observer]) -> int:
    """Pass all revisions of the feed to the observers, oldest first, batch by batch. Return their number."""
    processed = 0
    while number := store.transact(lambda connection: _process(connection, observers)):
        processed += number
    return processed


def _process(connection: Connection, observers: Sequence[Observer]) -> int:
    if connection.dialect.name == "postgresql":  # one process at a time: two would write the same owner twice
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('windlass revision feed', 0))"))
    statement = select(revision_feed).order_by(revision_feed.c.revision_id).limit(_BATCH)
    entries = [FeedEntry(row.revision_id, row.is_baseline, row.names_actor) for row in connection.execute(statement)]
    if entries:
        for observer in observers:
            observer(connection, entries)
        ids = [entry.revision_id for entry in entries]
        connection.execute(delete(revision_feed).where(revision_feed.c.revision_id.in_(ids)))
    return len(entries)
