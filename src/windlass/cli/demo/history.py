"""Thirty days of history for the demo, simulated on a clock of its own and marked as such.

What the first collection saw is dated back by the days, and the changes in between are written as the feed of events writes
them. Their revisions have the run `simulated`, which the API, the command line and the console show.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, text, update

from windlass.app import App
from windlass.checks.service import Checks
from windlass.cli.demo.simulated_changes import DAYS, SimulatedChange, StoredResource, simulated_month
from windlass.core import clock
from windlass.core.clock import format_time, parse_time
from windlass.inventory.events.read_writer import write_read
from windlass.inventory.mentions import MENTIONS
from windlass.inventory.model import SIMULATED_RUN, Edge, Observation, Scope, ScopeResult, ScopeState
from windlass.inventory.store_meta import set_meta_value
from windlass.inventory.tables import address, relation, resource, revision, unread_detail
from windlass.store.engine import Store

__all__ = ["simulate_history"]

_DATED = (
    ("revision", ("valid_from",)),
    ("resource", ("first_seen_at", "changed_at")),
    ("relation", ("valid_from",)),
    ("address", ("valid_from",)),
)
_SCOPE = ("scope", ("scanned_at", "last_good_at", "state_since"))


def simulate_history(app: App) -> int:
    """Write the simulated month before now. Return the number of its changes. It runs after the first collection."""
    now, store = clock.now(), app.store
    app.owners.refresh()
    store.transact(lambda connection: _shift(connection, (*_DATED, _SCOPE), -timedelta(days=DAYS)))
    store.transact(_shift_numbers)
    # Days begin at midnight, so that people work in the daytime. The last one ends before the demo begins.
    start = (now - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    changes = simulated_month(_stored(store), start)
    changes = tuple(change for change in changes if now - timedelta(days=DAYS) < change.at < now)
    by_day: dict[int, list[SimulatedChange]] = defaultdict(list)
    for change in changes:
        by_day[(change.at - start).days].append(change)
    for day in range(DAYS):
        for change in by_day[day]:
            _write(store, change)
            if change.touch.event.name == "PutBucketPolicy":  # the incident: judged while the bucket is public
                _judge(app, change.at + timedelta(minutes=5))
        _judge(app, start + timedelta(days=day, hours=23))
    store.transact(lambda connection: _shift(connection, (_SCOPE,), timedelta(days=DAYS)))
    store.transact(lambda connection: _mark(connection, now))
    app.owners.refresh()
    return len(changes)


def _judge(app: App, at: datetime) -> None:
    base = app.loaded.file.parent if app.loaded.file is not None else None
    if base is not None:
        Checks(app.store, app.settings.checks, base, owners=app.owners, now=lambda: at).run()


def _shift(connection: Connection, tables: tuple[tuple[str, tuple[str, ...]], ...], by: timedelta) -> None:
    """Move times of tables. Rows of one scope share theirs, so that each value is moved once."""
    for table, columns in tables:
        for column in columns:
            values = connection.execute(text(f"SELECT DISTINCT {column} FROM {table}")).scalars().all()  # noqa: S608
            moved = [{"old": value, "new": format_time(parse_time(value) + by)} for value in values if value]
            if moved:
                connection.execute(text(f"UPDATE {table} SET {column} = :new WHERE {column} = :old"), moved)  # noqa: S608


def _shift_numbers(connection: Connection) -> None:
    microseconds = DAYS * 86_400_000_000
    for table in ("member_value", "resource_owner"):
        connection.execute(text(f"UPDATE {table} SET valid_from = valid_from - :by"), {"by": microseconds})  # noqa: S608


def _stored(store: Store) -> list[StoredResource]:
    """Return the resources whose details are all known, with their relations and addresses."""
    with store.read() as connection:
        edges: dict[int, list[Edge]] = defaultdict(list)
        declared = select(relation).where(relation.c.valid_to.is_(None), relation.c.kind != MENTIONS)
        for row in connection.execute(declared):
            edges[row.source_row_id].append(Edge(row.kind, row.target, row.target_type))
        addresses: dict[int, list[str]] = defaultdict(list)
        for row in connection.execute(select(address).where(address.c.valid_to.is_(None))):
            addresses[row.resource_row_id].append(row.address)
        unread = select(unread_detail.c.resource_row_id)
        rows = connection.execute(
            select(resource).where(resource.c.deleted_at.is_(None), resource.c.id.not_in(unread))
        ).all()
    return [
        StoredResource(
            Scope(row.account_id, row.scope_region, row.type),
            Observation(
                type=row.type,
                account_id=row.account_id,
                region=row.region,
                resource_id=row.resource_id,
                arn=row.arn,
                name=row.name,
                tags=json.loads(row.tags),
                document=json.loads(row.document),
                edges=tuple(edges[row.id]),
                addresses=tuple(addresses[row.id]),
                measures=json.loads(row.measures),
            ),
        )
        for row in rows
    ]


def _write(store: Store, change: SimulatedChange) -> None:
    read_at = change.at + timedelta(seconds=3)
    observations = (change.observation,) if change.observation is not None else ()
    result = ScopeResult(
        scope=change.scope,
        state=ScopeState.OK,
        observations=observations,
        started_at=change.at + timedelta(seconds=1),
        finished_at=read_at,
    )
    write_read(store, result, [change.touch])


def _mark(connection: Connection, until: datetime) -> None:
    before = revision.c.valid_from < format_time(until)
    connection.execute(update(revision).where(before).values(run_id=SIMULATED_RUN))
    set_meta_value(connection, "simulated until", format_time(until))
