"""Decides what a query's results mean for its section: a state machine over epoch and counter. Pure.

osquery numbers the runs of a differential query. The first run of an epoch has counter 0 and sends all rows; each later run
sends a difference, and every run sends one, because the pack's queries have a heartbeat row. So:

- a full set is trusted when its counter is 0 and its epoch is the one that the server assigned and has not seen before:
  osquery also restarts the counter for a query whose SQL changed, but then sends a difference;
- a difference is applied when its counter is the next one;
- anything else means that a difference was lost. The section is unknown until the next full set, for which the server
  assigns a new epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from windlass.osquery.messages import ResultLine
from windlass.osquery.model import Row

__all__ = ["Difference", "FullSet", "Gap", "Position", "Step", "advance", "is_settled", "joined_runs"]

SETTLED_AFTER_S = 2
"""osquery sorts buffered lines by seconds: after a line that is later by this much, no row of the earlier run follows."""


@dataclass(frozen=True, slots=True)
class FullSet:
    """All rows of a run."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed since the run before."""

    added: tuple[Row, ...]
    removed: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference was lost. `reason` is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Position:
    """The last run of a query that was read. `is_known` is False after a gap. `pending` is a run that is not complete."""

    epoch: int
    counter: int
    unix_time: int
    is_known: bool
    pending: ResultLine | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The next position, what to do with the section (None: nothing), and whether a new epoch is needed."""

    position: Position
    content: FullSet | Difference | Gap | None = None
    needs_epoch: bool = False


def advance(position: Position | None, line: ResultLine, *, assigned_epoch: int) -> Step:
    """Return the step for a complete run of a differential query. `position` is None before the first one."""
    here = Position(line.epoch, line.counter, line.unix_time, is_known=True)
    is_new_epoch = position is None or line.epoch != position.epoch
    if line.counter == 0 and is_new_epoch and line.epoch == assigned_epoch:
        return Step(here, FullSet(line.added))
    if position is not None and not is_new_epoch:
        if line.counter <= position.counter and line.unix_time <= position.unix_time:
            return Step(position)  # delivered twice: osquery did not get our response
        if position.is_known and line.counter == position.counter + 1:
            return Step(here, Difference(line.added, line.removed))
    is_first_gap = position is None or position.is_known
    content = Gap(_reason(position, line)) if is_first_gap else None
    # Until the host has read the assigned epoch, its lines carry the old one: another new epoch would not help.
    return Step(replace(here, is_known=False), content, needs_epoch=line.epoch == assigned_epoch)


def joined_runs(lines: Iterable[ResultLine], pending: ResultLine | None) -> tuple[list[ResultLine], ResultLine | None]:
    """Join the rows of one query's event lines into runs; return the complete runs and the one that may still grow.

    `pending` is the run that did not end with the request before.
    """
    runs: list[ResultLine] = []
    for line in lines:
        if pending is not None and line.is_event and _is_same_run(pending, line):
            pending = replace(pending, added=pending.added + line.added, removed=pending.removed + line.removed)
            continue
        if pending is not None:
            runs.append(pending)
            pending = None
        if line.is_event:
            pending = line
        else:
            runs.append(line)
    return runs, pending


def is_settled(pending: ResultLine, latest_unix_time: int) -> bool:
    """True when no row of `pending` can follow a line of that time."""
    return latest_unix_time >= pending.unix_time + SETTLED_AFTER_S


def _is_same_run(run: ResultLine, line: ResultLine) -> bool:
    return (run.epoch, run.counter, run.unix_time) == (line.epoch, line.counter, line.unix_time)


def _reason(position: Position | None, line: ResultLine) -> str:
    if position is None or line.epoch != position.epoch:
        return f"osquery began epoch {line.epoch} without a full set of rows"
    if line.counter <= position.counter:
        return f"osquery restarted its counter at {line.counter} without a full set of rows"
    return f"osquery's results {position.counter + 1} to {line.counter - 1} did not arrive"
