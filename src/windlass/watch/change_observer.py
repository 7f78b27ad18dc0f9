"""The observer of the inventory's change feed: it records alerts in the transaction that takes a revision off the feed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from windlass.inventory.change_feed import FeedEntry, Observer
from windlass.watch.changes import ChangeRule, occurrence_of
from windlass.watch.keys import key_of
from windlass.watch.outbox import lock_outbox, record
from windlass.watch.revision_reader import read_changes

__all__ = ["change_observer"]


def change_observer(rules: Sequence[ChangeRule], now: Callable[[], datetime]) -> Observer:
    """Return the observer for the rules on `change`."""

    def observe(connection: Connection, entries: Sequence[FeedEntry]) -> None:
        watched = [entry for entry in entries if not entry.is_baseline]
        if not watched or not rules:
            return
        lock_outbox(connection)
        changes = read_changes(connection, [entry.revision_id for entry in watched])
        for entry in watched:
            change = changes.get(entry.revision_id)
            if change is None:
                continue
            for rule in rules:
                # A rule without actors has had the change already, when it was new.
                if (rule.config.actors or not entry.names_actor) and rule.watches(change):
                    occurrence = occurrence_of(change)
                    record(connection, rule.config, key_of(rule.config, occurrence), occurrence, now=now())

    return observe
