"""A consumer's metrics: counters that are cheap enough for every message, and their export to Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

__all__ = ["COUNTERS", "GAUGES", "HISTOGRAMS", "SECONDS", "ConsumerCollector", "Histogram"]

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300, 900, 3600)
"""Upper bounds of the buckets, in seconds."""

COUNTERS: Mapping[str, str] = {
    "polls": "Receive calls.",
    "empty_polls": "Receive calls that returned no message.",
    "failed_polls": "Receive calls that failed.",
    "received": "Messages received.",
    "duplicates": "Messages received that were already in flight or handled.",
    "done": "Messages whose handler returned.",
    "deleted": "Messages deleted.",
    "failed": "Messages whose handler raised.",
    "rejected": "Messages sent to the dead-letter queue by their handler.",
    "nacked": "Messages returned to the queue.",
    "extended": "Visibility extensions.",
    "retried_calls": "Retries of deletes and returns.",
    "lost_leases": "Messages whose lease ended before their handler.",
    "timed_out": "Handlers cancelled after max_handling_s.",
    "blocked": "Times that an async handler blocked the event loop.",
    "deleted_payloads": "Large payloads deleted from S3 after their messages.",
    "failed_payload_deletes": "Large payloads that could not be deleted and remain in S3.",
}


class Histogram:
    """Counts by bucket. Not thread-safe."""

    __slots__ = ("_bounds", "_counts", "count", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.count = 0
        self.total = 0.0

    def add(self, value: float) -> None:
        """Add one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.count += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound, as Prometheus expects them."""
        running, bounds = 0, []
        for bound, number in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            running += number
            bounds.append((bound, float(running)))
        return bounds


class ConsumerCollector(Collector):
    """One consumer's series: `windlass_queue_*`, with the queue's name as label."""

    def __init__(
        self,
        queue: str,
        counts: Callable[[], Mapping[str, int]],
        gauges: Callable[[], Mapping[str, float]],
        handling: Histogram,
        age: Histogram,
    ) -> None:
        self._queue, self._counts, self._gauges = queue, counts, gauges
        self._handling, self._age = handling, age

    def collect(self) -> Iterator[Any]:
        """Yield the metrics. The name is prometheus_client's."""
        labels = ["queue"]
        for name, number in self._counts().items():
            counter = CounterMetricFamily(f"windlass_queue_{name}", COUNTERS[name], labels=labels)
            counter.add_metric([self._queue], number)
            yield counter
        for name, value in self._gauges().items():
            gauge = GaugeMetricFamily(f"windlass_queue_{name}", GAUGES[name], labels=labels)
            gauge.add_metric([self._queue], value)
            yield gauge
        for name, histogram in (("handling_seconds", self._handling), ("age_seconds", self._age)):
            family = HistogramMetricFamily(f"windlass_queue_{name}", HISTOGRAMS[name], labels=labels)
            family.add_metric([self._queue], buckets=histogram.buckets(), sum_value=histogram.total)
            yield family


HISTOGRAMS: Mapping[str, str] = {
    "handling_seconds": "Duration of handlers in seconds.",
    "age_seconds": "Age of messages when their handler started, in seconds.",
}
GAUGES: Mapping[str, str] = {
    "in_flight": "Messages waiting or being handled.",
    "running": "Running handlers.",
    "hung": "Handlers that run although their lease has ended.",
    "polling": "Receive calls in flight.",
    "stalled_seconds": "Seconds in which every slot was taken and no handler ended.",
}
