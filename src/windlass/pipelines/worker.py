"""A worker: a consumer of one source queue that runs its pipelines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from windlass.pipelines.allocator import return_freed_memory
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.handler import make_handler
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.service import Queues
from windlass.store.engine import Store

__all__ = ["PipelineWorker"]


class _RunnerSource(Protocol):
    def runner(self, names: Sequence[str] = ()) -> Any:
        """Return a context manager that yields a PipelineRunner."""
        ...


class PipelineWorker:
    """Runs every pipeline of one source queue. `run` blocks until SIGTERM (with `signals`) or until `stop` is set."""

    def __init__(
        self,
        pipelines: _RunnerSource,
        configs: Sequence[PipelineConfig],
        *,
        queues: Queues,
        store: Callable[[], Store] | None,
        registry: CollectorRegistry | None = None,
        health: tuple[str, int] | None = None,
        settings: dict[str, object] | None = None,
    ) -> None:
        self._pipelines, self._configs = pipelines, configs
        self._queues, self._store = queues, store
        self._registry, self._health = registry or queues.registry(), health
        self._settings = settings or {}

    def run(self, *, stop: threading.Event | None = None, signals: bool = True) -> int:
        """Consume until stopped, and return the exit code."""
        return_freed_memory()
        first = self._configs[0]
        defaults = {
            "name": f"pipeline-{first.name}",
            "queue": first.queue,
            "handler": "windlass.pipelines",
            "account": first.account,
            "region": first.region,
            "concurrency": max(config.concurrency for config in self._configs),
            "visibility_s": 120,
        }
        config = ConsumeConfig.model_validate(defaults | self._settings)
        with (
            self._pipelines.runner([config.name for config in self._configs]) as runner,
            _registered(self._registry, cast("Collector", runner.metrics)),
        ):
            consumer = Consumer(
                config,
                make_handler(runner),
                queues=self._queues,
                store=self._store,
                registry=self._registry,
                health=self._health,
            )
            return consumer.run(stop=stop, signals=signals)


@contextmanager
def _registered(registry: CollectorRegistry, collector: Collector) -> Iterator[None]:
    registry.register(collector)
    try:
        yield
    finally:
        registry.unregister(collector)
