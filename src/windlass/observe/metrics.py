"""The metrics of one process, in its own registry: `windlass_<capability>_<what>_<unit>`.

One table, so that docs and code cannot differ (tests/docs checks each name against docs/reference/metrics.md).
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]


class Metrics:
    """Counters and gauges, created once by the composition root and passed to the parts that use them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        scope = ("service", "account", "region")
        self.aws_calls = Counter(
            "windlass_estate_calls", "AWS calls made, by outcome.", (*scope, "outcome"), registry=self.registry
        )
        self.aws_throttled = Counter(
            "windlass_estate_throttled", "AWS calls that were throttled.", scope, registry=self.registry
        )
        self.aws_seconds = Histogram(
            "windlass_estate_call_seconds",
            "Duration of AWS calls in seconds, including retries.",
            ("service",),
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
            registry=self.registry,
        )
        self.runs = Counter(
            "windlass_inventory_runs", "Finished collections, by status.", ("status",), registry=self.registry
        )
        self.revisions = Counter(
            "windlass_inventory_revisions", "Revisions written, by change.", ("change",), registry=self.registry
        )
        self.run_seconds = Gauge(
            "windlass_inventory_run_seconds", "Duration of the last collection in seconds.", registry=self.registry
        )
        self.feed_events = Counter(
            "windlass_feed_events",
            "Events in the feed's messages: touches of resources, files, ignored and unrecognised ones.",
            ("kind",),
            registry=self.registry,
        )
        self.feed_reads = Counter(
            "windlass_feed_reads", "Resources read again because of events.", registry=self.registry
        )
        self.feed_seconds = Histogram(
            "windlass_feed_seconds",
            "Seconds from an event to its change in the store.",
            buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 900),
            registry=self.registry,
        )
        self.requests = Counter(
            "windlass_console_requests", "HTTP requests answered.", ("route", "status"), registry=self.registry
        )
        self.request_seconds = Histogram(
            "windlass_console_request_seconds",
            "Server time of HTTP requests in seconds.",
            ("route",),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
            registry=self.registry,
        )

        self.osquery_results = Counter(
            "windlass_osquery_results",
            "Results of osquery agents, by outcome: full, difference, snapshot, repeated, gap, unusable, unidentified, "
            "ignored, malformed.",
            ("outcome",),
            registry=self.registry,
        )

    def of_worker(self) -> CollectorRegistry:
        """Return a registry for a worker's series and this process's AWS calls, without inventory and console."""
        registry = CollectorRegistry()
        for shared in (self.aws_calls, self.aws_throttled, self.aws_seconds):
            registry.register(shared)
        return registry

    def of_feed(self) -> CollectorRegistry:
        """Return a registry for a worker of the feed: that of a worker, and the feed's own series."""
        registry = self.of_worker()
        for shared in (self.feed_events, self.feed_reads, self.feed_seconds, self.revisions):
            registry.register(shared)
        return registry

    def render(self) -> bytes:
        """Return the text exposition format that Prometheus scrapes."""
        return generate_latest(self.registry)
