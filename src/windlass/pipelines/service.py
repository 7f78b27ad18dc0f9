"""The service of pipelines: their configuration, results, runner and workers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry

from windlass.core import clock
from windlass.core.errors import ConfigError, NotFound
from windlass.estate.service import Estate
from windlass.pipelines import store as rows
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.counters import Count, RefusedObject
from windlass.pipelines.pipeline import Pipeline, build_all
from windlass.pipelines.runner import PipelineRunner
from windlass.pipelines.runtime import location_of, open_runner
from windlass.pipelines.worker import PipelineWorker
from windlass.queues.service import Queues
from windlass.store.engine import Store

__all__ = ["Pipelines"]


class Pipelines:
    """Pipelines of windlass.toml. AWS and the store are opened when a method needs them."""

    def __init__(
        self,
        configs: Sequence[PipelineConfig],
        *,
        estate: Callable[[], Estate],
        queues: Callable[[], Queues],
        store: Callable[[], Store] | None,
    ) -> None:
        self.configs = tuple(configs)
        self._estate, self._queues, self._store = estate, queues, store

    def built(self, names: Sequence[str] = ()) -> tuple[Pipeline, ...]:
        """Return the pipelines, checked together. NotFound for an unknown name."""
        pipelines = build_all(self.configs)
        for name in names:
            if all(pipeline.name != name for pipeline in pipelines):
                known = ", ".join(pipeline.name for pipeline in pipelines) or "none"
                raise NotFound(f"windlass.toml has no [[pipeline]] entry {name!r}", hint=f"It has: {known}.")
        return tuple(pipeline for pipeline in pipelines if not names or pipeline.name in names)

    @contextlib.contextmanager
    def runner(self, names: Sequence[str] = ()) -> Iterator[PipelineRunner]:
        """Open a runner of these pipelines (all by default); its connections are closed at the end of the block."""
        with open_runner(self.built(names), self._estate(), self._store) as runner:
            yield runner

    def workers(
        self,
        names: Sequence[str] = (),
        *,
        registry: CollectorRegistry | None = None,
        health: tuple[str, int] | None = None,
        settings: dict[str, object] | None = None,
    ) -> tuple[PipelineWorker, ...]:
        """Return one worker per source queue of these pipelines; by default of all pipelines with a queue."""
        chosen = [pipeline for pipeline in self.built(names) if pipeline.config.queue or names]
        without_queue = next((pipeline.name for pipeline in chosen if not pipeline.config.queue), "")
        if without_queue or not chosen:
            problem = (
                f"pipeline {without_queue} has no queue"
                if without_queue
                else "windlass.toml has no [[pipeline]] with a queue"
            )
            raise ConfigError(
                problem, hint="Set `queue` to the queue with the source's events. A backfill needs no queue."
            )
        by_queue: dict[tuple[str, str, str], list[PipelineConfig]] = {}
        for pipeline in chosen:
            by_queue.setdefault((pipeline.config.queue, *self.place(pipeline.config)), []).append(pipeline.config)
        if health is not None and len(by_queue) > 1:
            raise ConfigError(
                "these pipelines have several queues, and a health port serves one worker",
                hint="Name the pipelines of one queue.",
            )
        return tuple(
            PipelineWorker(
                self,
                group,
                queues=self._queues(),
                store=self._store,
                registry=registry,
                health=health,
                settings=settings,
            )
            for group in by_queue.values()
        )

    def place(self, config: PipelineConfig) -> tuple[str, str]:
        """Return the account and region of a pipeline's queue and source."""
        return location_of(config, self._estate())

    def estate(self) -> Estate:
        """Return the estate."""
        return self._estate()

    # Results

    def counts(self, name: str = "", *, within_s: float = 3600.0) -> tuple[Count, ...]:
        """Return the objects by minute and outcome."""
        with self._opened_store().read() as connection:
            since = clock.now() - timedelta(seconds=within_s)
            return tuple(rows.list_counts(connection, since=since, pipeline=name))

    def totals(self, *, within_s: float = 86_400.0) -> dict[str, dict[str, int]]:
        """Return the objects by pipeline and outcome."""
        with self._opened_store().read() as connection:
            return rows.totals(connection, since=clock.now() - timedelta(seconds=within_s))

    def failures(self, name: str = "", *, waiting: bool = False, limit: int = 100) -> tuple[RefusedObject, ...]:
        """Return refused objects, the latest first; `waiting`: only those that no retry delivered."""
        with self._opened_store().read() as connection:
            return tuple(rows.list_refused(connection, pipeline=name, waiting=waiting, limit=limit))

    def _opened_store(self) -> Store:
        if self._store is None:
            raise ConfigError("this process has no store", hint="Set store.url.")
        return self._store()
