"""Aggregation's words: what arrived, what a key's item holds, what an action is told, and the effects of a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

__all__ = [
    "MAX_FOLDERS",
    "MAX_SAMPLES",
    "Arrival",
    "Item",
    "Mode",
    "Summary",
    "Timer",
    "WindowPace",
    "merge",
    "summarise",
]

MAX_FOLDERS = 50
"""Folders kept by name for one window; more are `folders_cut`, and the action takes the whole key."""
MAX_SAMPLES = 5


class Mode(StrEnum):
    """When an action is due: a window after the first event, or once events have been quiet for a while."""

    WINDOW = "window"
    DEBOUNCE = "debounce"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One object event as aggregation sees it: the key it counts for, and what the window's summary wants of it."""

    key: str
    kind: str
    bucket: str
    object_key: str
    size_bytes: int = 0
    at: str = ""

    @property
    def folder(self) -> str:
        """The object's folder with its slash at the end; empty at the top."""
        head, slash, _ = self.object_key.rpartition("/")
        return head + slash


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened in a window, bounded whatever the number of events.

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


@dataclass(frozen=True, slots=True)
class Item:
    """A key's state in the store. Counters only grow; times are epoch seconds of whoever wrote them, and decide pace alone.

    dirty, done       events counted, and of those how many an action that succeeded covers
    armed, token_at   who owns the pending timer ("" for nobody), and since when
    armed_at, last_at when the oldest uncovered event arrived, and the latest (debounce)
    na                no action starts before this
    claim, claimed    the attempt that last claimed, and how many events it covers when it succeeds
    hold, pending     strict mode: until when its completion is awaited, and the names of what has not ended
    failures, note    attempts in a row that failed, and what the last one said
    acted_at          when an action last covered something
    summary, held     what happened since the last claim, and what the last claim took and no action covers yet
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
        """Events that no action covers yet."""
        return self.dirty - self.done

    @property
    def unsettled(self) -> bool:
        """Whether a claim was neither committed nor, in strict mode, completed: the next attempt takes the same events."""
        return self.claimed > self.done


@dataclass(frozen=True, slots=True)
class WindowPace:
    """When a rule's actions are due, all in seconds.

    `window_s` lies between two action starts of a key, and in window mode between its first event and the action.
    Debounce waits for `quiet_s` without events instead, but no longer than `max_wait_s`. `strict` commits only when the
    action's completion is told, and tries again when that took longer than `strict_s`.
    """

    window_s: float
    mode: Mode = Mode.WINDOW
    quiet_s: float = 0.0
    max_wait_s: float = 0.0
    strict: bool = False
    strict_s: float = 900.0

    def due(self, item: Item) -> float:
        """The moment from which a claim of the item's events may be made."""
        if self.mode is Mode.DEBOUNCE:
            due = min(item.last_at + self.quiet_s, item.armed_at + self.max_wait_s)
        else:
            due = item.armed_at + self.window_s
        return max(due, item.na)


@dataclass(frozen=True, slots=True)
class Timer:
    """A message to oneself, later: whose window it is, and the token that must still own it."""

    rule: str
    key: str
    token: str


def merge(left: Summary, right: Summary) -> Summary:
    """Two summaries of one key as one."""
    kinds = dict(left.kinds)
    for kind, count in right.kinds.items():
        kinds[kind] = kinds.get(kind, 0) + count
    folders = tuple(dict.fromkeys((*left.folders, *right.folders)))
    cut = left.folders_cut or right.folders_cut or len(folders) > MAX_FOLDERS
    times = [one for one in (left.first_at, right.first_at) if one]
    return replace(
        left,
        bucket=left.bucket or right.bucket,
        events=left.events + right.events,
        kinds=kinds,
        size_bytes=left.size_bytes + right.size_bytes,
        folders=folders[:MAX_FOLDERS],
        folders_cut=cut,
        first_at=min(times, default=""),
        last_at=max(left.last_at, right.last_at),
        samples=tuple(dict.fromkeys((*left.samples, *right.samples)))[:MAX_SAMPLES],
    )


def summarise(arrivals: Sequence[Arrival]) -> Summary:
    """The summary of some arrivals of one key."""
    found = Summary()
    for one in arrivals:
        single = Summary(
            one.bucket, 1, {one.kind: 1}, one.size_bytes, (one.folder,), False, one.at, one.at, (one.object_key,)
        )
        found = merge(found, single)
    return found
