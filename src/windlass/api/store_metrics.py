"""Prometheus gauges computed from the store at each scrape.

They cover work of processes that cannot be scraped (a CronJob, a seed from a laptop, a Lambda function). Every
console reports the same values, so aggregate them with `max`. A scrape never calls AWS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from windlass.app import App
from windlass.core import clock
from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass.replication.service import latest

__all__ = ["GAUGES", "StoreCollector"]

_HOUR_S = 3600.0
_DAY = timedelta(days=1)
_MOST = 10_000

GAUGES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "store_up": ((), "Whether the store answered this scrape: 1 or 0."),
    "inventory_resources": (("account",), "Resources that exist, by account."),
    "inventory_scopes": (("state",), "Scopes by the state of their last read."),
    "inventory_workers": ((), "Processes that scan a collection now."),
    "inventory_collected_timestamp_seconds": ((), "End of the last collection that finished, as Unix time."),
    "jobs": (("kind", "status"), "Jobs of the last day, by kind and status."),
    "pipeline_objects": (("pipeline", "outcome"), "Objects that pipelines finished in the last hour, by outcome."),
    "pipeline_bytes": (("pipeline", "direction"), "Bytes that pipelines read and wrote in the last hour."),
    "pipeline_refused": (("pipeline",), "Quarantined objects that wait for a retry."),
    "aggregation_windows": (("rule", "outcome"), "Actions of the last hour, by outcome."),
    "replication_seeds": (("state",), "Pairs of buckets by the state of their newest seed."),
    "replication_objects": (("set", "count"), "Objects of the newest seeds: total, done, failed."),
    "replication_bytes": (("set", "count"), "Bytes of the newest seeds: total, done."),
}
"""Name (after `windlass_`), labels and meaning of each."""

Values = Iterator[tuple[tuple[str, ...], float]]


class StoreCollector(Collector):
    """The `windlass_…` gauges of the store of an app."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._parts: Mapping[str, Callable[[], Values]] = {
            "inventory_resources": self._resources,
            "inventory_scopes": self._scopes,
            "inventory_workers": self._workers,
            "inventory_collected_timestamp_seconds": self._collected,
            "jobs": self._jobs,
            "pipeline_objects": self._pipeline_objects,
            "pipeline_bytes": self._pipeline_bytes,
            "pipeline_refused": self._pipeline_refused,
            "aggregation_windows": self._windows,
            "replication_seeds": self._seeds,
            "replication_objects": self._seed_objects,
            "replication_bytes": self._seed_bytes,
        }

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the families without values: without this method, prometheus_client would read the store at registration."""
        return (_family(name) for name in GAUGES)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the current values. Families that cannot be read are left out, and `windlass_store_up` is 0."""
        up = 1.0
        for name, read in self._parts.items():
            family = _family(name)
            try:
                for labels, value in read():
                    family.add_metric(labels, value)
            except WindlassError as error:
                up = 0.0
                logger("api").warning("scrape.partial", metric=name, error=error.message)
                continue
            yield family
        family = _family("store_up")
        family.add_metric((), up)
        yield family

    def _resources(self) -> Values:
        for facet in self._app.inventory.stats().by_account:
            yield (facet.value,), facet.count

    def _scopes(self) -> Values:
        for facet in self._app.inventory.stats().by_scope_state:
            yield (facet.value,), facet.count

    def _workers(self) -> Values:
        yield (), self._app.inventory.count_workers()

    def _collected(self) -> Values:
        ended = [
            run.finished_at
            for run in self._app.inventory.runs(50)
            if run.finished_at and run.status in ("done", "partial")
        ]
        if ended:
            yield (), max(ended).timestamp()

    def _jobs(self) -> Values:
        since = clock.now() - _DAY
        counted = Counter(
            (job.kind, str(job.status))
            for job in self._app.jobs.list(limit=_MOST)
            if job.created_at >= since or job.finished_at is None or job.finished_at >= since
        )
        yield from sorted(counted.items())

    def _pipeline_objects(self) -> Values:
        for pipeline, row in self._app.pipelines.totals(within_s=_HOUR_S).items():
            for outcome, number in row.items():
                if not outcome.endswith("_bytes"):
                    yield (pipeline, outcome), number

    def _pipeline_bytes(self) -> Values:
        for pipeline, row in self._app.pipelines.totals(within_s=_HOUR_S).items():
            yield (pipeline, "read"), row["read_bytes"]
            yield (pipeline, "written"), row["written_bytes"]

    def _pipeline_refused(self) -> Values:
        waiting = Counter(failure.pipeline for failure in self._app.pipelines.failures(waiting=True, limit=_MOST))
        for pipeline in sorted({*waiting, *(pipeline.name for pipeline in self._app.settings.pipeline)}):
            yield (pipeline,), waiting[pipeline]

    def _windows(self) -> Values:
        counted = Counter(
            (window.rule, window.outcome) for window in self._app.aggregation.windows(within_s=_HOUR_S, limit=_MOST)
        )
        yield from sorted(counted.items())

    def _seeds(self) -> Values:
        counted = Counter(str(seed.state) for seed in latest(self._app.replication.seeds(limit=_MOST)))
        for state, number in sorted(counted.items()):
            yield (state,), number

    def _seed_objects(self) -> Values:
        yield from self._by_set({"total": "total", "done": "done", "failed": "failed"})

    def _seed_bytes(self) -> Values:
        yield from self._by_set({"total": "size_bytes", "done": "done_bytes"})

    def _by_set(self, fields: Mapping[str, str]) -> Values:
        counted: Counter[tuple[str, str]] = Counter()
        for seed in latest(self._app.replication.seeds(limit=_MOST)):
            for label, name in fields.items():
                counted[seed.set_name, label] += getattr(seed, name)
        yield from sorted(counted.items())


def _family(name: str) -> GaugeMetricFamily:
    labels, meaning = GAUGES[name]
    return GaugeMetricFamily(f"windlass_{name}", meaning, labels=labels)
