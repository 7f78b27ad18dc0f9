"""The feed's metrics: events, reads, revisions, and the time from an event until its change is in the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry

from windlass.inventory.events.model import Parsed, Touch
from windlass.inventory.events.refresh import RefreshResult
from windlass.observe.metrics import Metrics

__all__ = ["FeedMetrics"]


class FeedMetrics:
    """The feed's part of the process's metrics. `registry` takes the consumer's own series."""

    def __init__(self, metrics: Metrics, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._metrics = metrics

    def parsed(self, parsed: Parsed) -> None:
        """Count a message's events by kind."""
        for kind, number in (
            ("touch", len(parsed.touches) + len(parsed.buckets)),
            ("ignored", parsed.ignored),
            ("file", len(parsed.files)),
            ("unrecognised", len(parsed.unrecognised)),
        ):
            if number:
                self._metrics.feed_events.labels(kind).inc(number)

    def refreshed(self, result: RefreshResult) -> None:
        """Count a batch's reads and the revisions that they wrote."""
        self._metrics.feed_reads.inc(result.reads)
        counts = result.counts
        for change, number in (("created", counts.created), ("updated", counts.updated), ("deleted", counts.deleted)):
            self._metrics.revisions.labels(change).inc(number)

    def done(self, touches: Iterable[Touch], now: datetime) -> None:
        """Observe the time from each event until now, when its change is in the store."""
        for event in {touch.event.event_id: touch.event for touch in touches}.values():
            self._metrics.feed_seconds.observe(max(0.0, (now - event.at).total_seconds()))
