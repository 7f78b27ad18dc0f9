"""Recording the beginnings of states: each state that a rule watches is alerted on once, while it lasts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from windlass.core.clock import format_time
from windlass.watch.config import WatchConfig
from windlass.watch.keys import key_of
from windlass.watch.outbox import lock_outbox, record
from windlass.watch.states import States
from windlass.watch.tables import watch_condition

__all__ = ["record_states"]

_BEGUN = ""
"""The condition that says that a rule has been evaluated: what was so before it existed is no alert."""
_BATCH = 400


def record_states(connection: Connection, rule: WatchConfig, states: States, *, now: datetime) -> int:
    """Record alerts for states that began, and forget those that ended. Return how many began.

    One transaction: a process that is killed has done both or neither, and the next evaluation finds the same difference.
    """
    lock_outbox(connection)
    moment = format_time(now)
    statement = select(watch_condition.c.condition).where(watch_condition.c.rule == rule.name)
    known = set(connection.execute(statement).scalars())
    is_first = _BEGUN not in known
    begun = sorted(states.keys() - known)
    ended = sorted(known - states.keys() - {_BEGUN})
    for start in range(0, len(ended), _BATCH):
        connection.execute(
            delete(watch_condition).where(
                watch_condition.c.rule == rule.name, watch_condition.c.condition.in_(ended[start : start + _BATCH])
            )
        )
    rows = [
        {"rule": rule.name, "condition": name, "since": moment} for name in (*begun, *([_BEGUN] if is_first else []))
    ]
    if rows:
        connection.execute(insert(watch_condition), rows)
    if is_first:
        return 0
    for name in begun:
        record(connection, rule, key_of(rule, states[name]), states[name], now=now)
    return len(begun)
