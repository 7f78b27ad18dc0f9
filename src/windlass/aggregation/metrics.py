"""Metrics of a worker's rules: `windlass_aggregation_*`, with the source queue's name as label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from windlass.aggregation.effects import AckTimer, TimerVerdict

__all__ = ["COUNTERS", "AggregationCollector"]

COUNTERS: Mapping[str, str] = {
    "events": "Object events that matched a rule.",
    "unmatched": "Object events that matched no rule.",
    "batches": "Writes that counted events: one per source batch and key.",
    "ended": "Timers that ended: their key was covered.",
    "deferred": "Timers that came too early, or whose action did not succeed, and come again.",
    "repaired_timers": "Keys whose lost timer was replaced.",
}


class AggregationCollector(Collector):
    """Counters of one worker, read when Prometheus scrapes."""

    def __init__(self, queue: str = "") -> None:
        self.queue = queue
        self.events = self.unmatched = self.batches = self.ended = self.deferred = self.repaired_timers = 0

    def timer_ended(self, verdict: TimerVerdict) -> None:
        """Count a timer's verdict."""
        if isinstance(verdict, AckTimer):
            self.ended += 1
        else:
            self.deferred += 1

    def collect(self) -> Iterator[Any]:
        """Yield the series."""
        for name, text in COUNTERS.items():
            family = CounterMetricFamily(f"windlass_aggregation_{name}", text, labels=["queue"])
            family.add_metric([self.queue], getattr(self, name))
            yield family
