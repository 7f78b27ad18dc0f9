"""What a consumer is measured by, cheap enough to count every message, and shown to Prometheus when it asks."""

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
    "polls": "Receive calls made.",
    "empty_polls": "Receive calls that brought nothing.",
    "failed_polls": "Receive calls that failed.",
    "received": "Messages received.",
    "duplicates": "Messages received that were in hand, or done, already.",
    "done": "Messages whose handler returned.",
    "deleted": "Messages deleted.",
    "failed": "Messages whose handler raised.",
    "rejected": "Messages sent to the dead-letter queue by their handler.",
    "nacked": "Messages given back to the queue.",
    "extended": "Visibility extensions.",
    "retried_calls": "Deletes and releases tried again.",
    "lost_leases": "Messages whose lease ended before their handler.",
    "timed_out": "Handlers cut off at max_handling_s.",
    "blocked": "Times that an async handler blocked the event loop.",
    "deleted_payloads": "Large payloads deleted from S3 after their messages.",
    "failed_payload_deletes": "Large payloads that could not be deleted and remain in S3.",
}


class Histogram:
    """Counts by bucket; not for several threads at once."""

    __slots__ = ("_bounds", "_counts", "count", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.count = 0
        self.total = 0.0

    def add(self, value: float) -> None:
        """One more."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.count += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus has them."""
        running, found = 0, []
        for bound, number in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            running += number
            found.append((bound, float(running)))
        return found

    def quantile(self, share: float) -> float:
        """About the value below which `share` of all lie: the upper bound of its bucket; 0 when there is none."""
        wanted, running = share * self.count, 0
        for bound, number in zip((*self._bounds, self._bounds[-1] * 2), self._counts, strict=True):
            running += number
            if running and running >= wanted:
                return float(bound)
        return 0.0


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
        """prometheus_client's name for it."""
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
    "handling_seconds": "Time of handlers in seconds.",
    "age_seconds": "Age of messages when their handler started, in seconds.",
}
GAUGES: Mapping[str, str] = {
    "in_flight": "Messages waiting or being handled.",
    "running": "Handlers that run.",
    "hung": "Handlers that run on though their message is no longer theirs.",
    "polling": "Receive calls on the wire.",
    "stalled_seconds": "Seconds without any handler's end while every slot is taken.",
}
