"""Tallies of events by rule and key, collected from many messages and counted together. Not thread-safe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from windlass.aggregation.model import MAX_FOLDERS, MAX_SAMPLES, Summary
from windlass.aggregation.rules import AggregationRule
from windlass.core.clock import format_time
from windlass.events import ObjectEvent

__all__ = ["EventTally", "add_events"]


@dataclass(slots=True)
class EventTally:
    """The events that one source batch has for one key. `ids` are its message ids, in order and unique."""

    ids: dict[str, None] = field(default_factory=dict)
    events: int = 0
    size_bytes: int = 0
    buckets: set[str] = field(default_factory=set)
    kinds: dict[str, int] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    folders_cut: bool = False
    first_at: str = ""
    last_at: str = ""
    samples: list[str] = field(default_factory=list)

    def add(self, message_id: str, event: ObjectEvent) -> None:
        """Add one event."""
        self.ids[message_id] = None
        self.events += 1
        self.size_bytes += event.size_bytes or 0
        self.buckets.add(event.bucket)
        kind = event.kind.value
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        folder = event.key[: event.key.rfind("/") + 1]
        if folder not in self.folders:
            if len(self.folders) < MAX_FOLDERS:
                self.folders[folder] = None
            else:
                self.folders_cut = True
        if event.at is not None:
            at = format_time(event.at)
            self.first_at = min(self.first_at or at, at)
            self.last_at = max(self.last_at, at)
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(event.key)

    @property
    def summary(self) -> Summary:
        """Return the summary. It names no bucket when there are several: an action that needs one has a rule keyed by bucket."""
        bucket = next(iter(self.buckets)) if len(self.buckets) == 1 else ""
        return Summary(
            bucket,
            self.events,
            dict(self.kinds),
            self.size_bytes,
            tuple(self.folders),
            self.folders_cut,
            self.first_at,
            self.last_at,
            tuple(self.samples),
        )


def add_events(
    tallies: dict[tuple[str, str], EventTally],
    rules: Sequence[AggregationRule],
    message_id: str,
    events: Iterable[ObjectEvent],
) -> int:
    """Add a message's events to the tallies of the matching rules; return the number of matches."""
    counted = 0
    for event in events:
        for rule in rules:
            key = rule.key_of(event)
            if key is not None:
                tally = tallies.get((rule.name, key))
                if tally is None:
                    tally = tallies[rule.name, key] = EventTally()
                tally.add(message_id, event)
                counted += 1
    return counted
