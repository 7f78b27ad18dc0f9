"""What a worker's rules are measured by: `windlass_aggregation_*`, with the source queue's name as label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from windlass.aggregation.effects import AckTimer, TimerVerdict

__all__ = ["COUNTERS", "AggregationCollector"]

COUNTERS: Mapping[str, str] = {
    "events": "Object events that a rule was for.",
    "unmatched": "Object events that no rule was for.",
    "batches": "Writes that counted events: one per source batch and key.",
    "ended": "Timers that were over: their key was covered.",
    "deferred": "Timers that came too early, or whose action was not done, and come again.",
    "repaired_timers": "Keys whose timer was lost and sent anew.",
}


class AggregationCollector(Collector):
    """Counts of one worker; plain numbers, shown when Prometheus asks."""

    def __init__(self, queue: str = "") -> None:
        self.queue = queue
        self.events = self.unmatched = self.batches = self.ended = self.deferred = self.repaired_timers = 0

    def timer_ended(self, verdict: TimerVerdict) -> None:
        """A timer came to this."""
        if isinstance(verdict, AckTimer):
            self.ended += 1
        else:
            self.deferred += 1

    def collect(self) -> Iterator[Any]:
        """The series."""
        for name, text in COUNTERS.items():
            family = CounterMetricFamily(f"windlass_aggregation_{name}", text, labels=["queue"])
            family.add_metric([self.queue], getattr(self, name))
            yield family
