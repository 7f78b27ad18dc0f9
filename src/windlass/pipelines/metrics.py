"""Prometheus metrics of pipelines: `windlass_pipeline_*`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["COUNTERS", "PipelineMetrics"]

COUNTERS: Mapping[str, str] = {
    "objects": "Objects delivered, by pipeline and outcome.",
    "refused": "Objects refused, by pipeline and reason.",
    "read_bytes": "Bytes of sources read, by pipeline.",
    "written_bytes": "Bytes of outputs written, by pipeline.",
}
_LABELS: Mapping[str, tuple[str, ...]] = {"objects": ("pipeline", "outcome"), "refused": ("pipeline", "reason")}


class PipelineMetrics:
    """Counters since the process started, for a worker's registry. Thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in COUNTERS}
        self._lock = threading.Lock()

    def ended(self, pipeline: str, outcome: str, read_bytes: int, written_bytes: int) -> None:
        """Count one delivery."""
        with self._lock:
            self._counts["objects"][pipeline, outcome] += 1
            self._counts["read_bytes"][(pipeline,)] += read_bytes
            self._counts["written_bytes"][(pipeline,)] += written_bytes

    def refused(self, pipeline: str, reason: str) -> None:
        """Count the reason of one refusal."""
        with self._lock:
            self._counts["refused"][pipeline, reason] += 1

    def collect(self) -> Iterator[Any]:
        """Yield the metric families (prometheus_client's collector interface)."""
        from prometheus_client.core import (
            CounterMetricFamily,  # a function in Lambda shows no metrics, and carries none
        )

        with self._lock:
            counts_by_name = {name: dict(counter) for name, counter in self._counts.items()}
        for name, counts in counts_by_name.items():
            family = CounterMetricFamily(
                f"windlass_pipeline_{name}", COUNTERS[name], labels=_LABELS.get(name, ("pipeline",))
            )
            for labels, number in counts.items():
                family.add_metric(labels, number)
            yield family
