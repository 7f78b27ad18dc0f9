"""Aggregation's values: arrivals, summaries, a key's item, its pace, and timers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

__all__ = [
    "MAX_FOLDERS",
    "MAX_SAMPLES",
    "Arrival",
    "KeyState",
    "Mode",
    "Summary",
    "Timer",
    "WindowPace",
    "merge",
    "summarise",
]

MAX_FOLDERS = 50
"""Maximum folders kept by name for one window. Above it, `folders_cut` is set and the action covers the complete key."""
MAX_SAMPLES = 5


class Mode(StrEnum):
    """When an action is due: a window after the first event, or after a time without events."""

    WINDOW = "window"
    DEBOUNCE = "debounce"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One object event for aggregation: its key, and the data for the window's summary."""

    key: str
    kind: str
    bucket: str
    object_key: str
    size_bytes: int = 0
    at: str = ""

    @property
    def folder(self) -> str:
        """Return the object's folder with a slash at its end; empty at the top."""
        head, slash, _ = self.object_key.rpartition("/")
        return head + slash


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a window's events, of bounded size whatever their number.

    `folders` are complete unless `folders_cut`; `samples` are a few object keys; times are S3's own, ISO 8601.
    """

    bucket: str = ""
    events: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    folders: tuple[str, ...] = ()
    folders_cut: bool = False
    first_at: str = ""
    last_at: str = ""
    samples: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)
    """What another capability sends in place of object events: alerts. Empty for the events of a window."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key's state in the table. Counters only grow; times are epoch seconds of the writer's clock, and decide only the pace.

    dirty, done       events counted, and how many of those a successful action covers
    armed, token_at   the token that owns the pending timer ("" for none), and since when
    armed_at, last_at when the oldest uncovered event arrived, and the latest (debounce)
    na                no action starts before this
    claim, claimed    the attempt that last claimed, and how many events it covers when it succeeds
    hold, pending     strict mode: until when completions are awaited, and the tokens of those still awaited
    failures, note    failed attempts in a row, and the last failure's reason
    acted_at          when an action last covered events
    summary, held     events since the last claim, and the last claim's events that no action covers yet
    """

    rule: str
    key: str
    dirty: int = 0
    done: int = 0
    armed: str = ""
    token_at: float = 0.0
    armed_at: float = 0.0
    last_at: float = 0.0
    na: float = 0.0
    claim: str = ""
    claimed: int = 0
    hold: float = 0.0
    pending: tuple[str, ...] = ()
    failures: int = 0
    note: str = ""
    acted_at: float = 0.0
    paused: bool = False
    summary: Summary = Summary()
    held: Summary = Summary()

    @property
    def uncovered(self) -> int:
        """Return the number of events that no action covers yet."""
        return self.dirty - self.done

    @property
    def unsettled(self) -> bool:
        """Return whether a claim was neither committed nor, in strict mode, completed: the next attempt claims the same events."""
        return self.claimed > self.done


@dataclass(frozen=True, slots=True)
class WindowPace:
    """When a rule's actions are due, all in seconds.

    `window_s` is the time between two action starts of a key, and in window mode between its first event and the action.
    Debounce waits for `quiet_s` without events, at most `max_wait_s`. `strict` commits only at the action's completion event,
    and retries after `strict_s`.
    """

    window_s: float
    mode: Mode = Mode.WINDOW
    quiet_s: float = 0.0
    max_wait_s: float = 0.0
    strict: bool = False
    strict_s: float = 900.0

    def due(self, item: KeyState) -> float:
        """Return the time from which the item's events may be claimed."""
        if self.mode is Mode.DEBOUNCE:
            due = min(item.last_at + self.quiet_s, item.armed_at + self.max_wait_s)
        else:
            due = item.armed_at + self.window_s
        return max(due, item.na)


@dataclass(frozen=True, slots=True)
class Timer:
    """A delayed message to the workers: its rule and key, and the token that must still own the timer."""

    rule: str
    key: str
    token: str


def merge(first: Summary, right: Summary) -> Summary:
    """Merge two summaries of one key."""
    kinds = dict(first.kinds)
    for kind, count in right.kinds.items():
        kinds[kind] = kinds.get(kind, 0) + count
    folders = tuple(dict.fromkeys((*first.folders, *right.folders)))
    cut = first.folders_cut or right.folders_cut or len(folders) > MAX_FOLDERS
    times = [time for time in (first.first_at, right.first_at) if time]
    return replace(
        first,
        bucket=first.bucket or right.bucket,
        events=first.events + right.events,
        kinds=kinds,
        size_bytes=first.size_bytes + right.size_bytes,
        folders=folders[:MAX_FOLDERS],
        folders_cut=cut,
        first_at=min(times, default=""),
        last_at=max(first.last_at, right.last_at),
        samples=tuple(dict.fromkeys((*first.samples, *right.samples)))[:MAX_SAMPLES],
    )


def summarise(arrivals: Sequence[Arrival]) -> Summary:
    """Return the summary of arrivals of one key."""
    summary = Summary()
    for arrival in arrivals:
        single = Summary(
            arrival.bucket,
            1,
            {arrival.kind: 1},
            arrival.size_bytes,
            (arrival.folder,),
            False,
            arrival.at,
            arrival.at,
            (arrival.object_key,),
        )
        summary = merge(summary, single)
    return summary
