"""Threads that run beside a console: the collector, consumers, workers and periodic seeds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from windlass.app import App
from windlass.cli.runners import register_runners
from windlass.core.errors import WindlassError
from windlass.inventory.collection_job import collect_forever
from windlass.inventory.model import Run
from windlass.inventory.worker_loop import work_forever
from windlass.observe.log import logger

if TYPE_CHECKING:
    from windlass.aggregation.worker import AggregationWorker
    from windlass.pipelines.worker import PipelineWorker
    from windlass.queues.consumer import Consumer

__all__ = ["alerts", "collector", "consumers", "facts", "feed", "seeds", "workers"]


@contextlib.contextmanager
def collector(app: App, stop: threading.Event) -> Iterator[None]:
    """Collect the estate periodically during the block, and join the collections of other processes.

    At its end, a running collection is interrupted and can be resumed.
    """
    register_runners(app)

    def count(run: Run) -> None:
        app.metrics.runs.labels(run.status).inc()
        for change, number in (("created", run.created), ("updated", run.updated), ("deleted", run.deleted)):
            app.metrics.revisions.labels(change).inc(number)
        if run.finished_at:
            app.metrics.run_seconds.set((run.finished_at - run.started_at).total_seconds())
        _judge(app)

    def collect() -> None:
        collect_forever(
            app.inventory, app.jobs, interval_s=app.settings.inventory.interval_s, stop=stop, finished=count
        )

    def help_others() -> None:
        work_forever(app.inventory, app.jobs, stop=stop)

    with _running([("collector", collect), ("collection-worker", help_others)], stop):
        yield


def _judge(app: App) -> None:
    """Run the checks over the changes of a collection. A mistake in a user's check does not stop collections."""
    try:
        app.checks.run()
    except WindlassError as error:
        logger("checks").error("checks.failed", error=error.message, hint=error.hint)


@contextlib.contextmanager
def consumers(app: App, stop: threading.Event) -> Iterator[None]:
    """Run each [[consume]] entry on its own thread for the block; at its end, drain the consumers."""
    from windlass.queues.consumer import Consumer

    configured = [
        Consumer(config, queues=app.queues, store=lambda: app.store, registry=app.metrics.registry)
        for config in app.settings.consume
    ]
    targets = [(f"consume-{consumer.config.title}", partial(_consume, consumer, stop)) for consumer in configured]
    with _running(targets, stop):
        yield


@contextlib.contextmanager
def feed(app: App, stop: threading.Event) -> Iterator[None]:
    """Keep the inventory current from the queue of `[feed]` for the block, when one is configured."""

    def run() -> None:
        try:
            app.feed.worker(registry=app.metrics.registry).run(stop=stop, signals=False)
        except WindlassError as error:
            logger("feed").error("feed.failed", error=error.message, hint=error.hint)

    with _running([("feed", run)] if app.settings.feed.queue else [], stop):
        yield


@contextlib.contextmanager
def facts(app: App, stop: threading.Event) -> Iterator[None]:
    """Read the facts of managed nodes periodically for the block, when `facts.ssm_interval_s` is set."""
    from windlass.facts.collection_loop import read_forever

    interval_s, locations = app.settings.facts.ssm_interval_s, app.settings.facts.sync_locations

    def read() -> dict[str, str]:
        if not locations:
            return app.facts_collection.collect(stop=stop).failures
        imports = [app.sync_import.import_sync(location, stop=stop) for location in locations]
        return {where: failure for result in imports for where, failure in result.failures.items()}

    def run() -> None:
        read_forever(read, app.jobs.leases, interval_s=interval_s, stop=stop)

    with _running([("facts", run)] if interval_s else [], stop):
        yield


@contextlib.contextmanager
def workers(app: App, stop: threading.Event) -> Iterator[None]:
    """Run a worker per queue of the [[aggregate]] and [[pipeline]] entries for the block."""
    configured: list[AggregationWorker | PipelineWorker] = []
    if app.settings.aggregate:
        configured += app.aggregation.workers(registry=app.metrics.registry)
    if any(pipeline.queue for pipeline in app.settings.pipeline):
        configured += app.pipelines.workers(registry=app.metrics.registry)
    with _running([("worker", partial(_work, worker, stop)) for worker in configured], stop):
        yield


@contextlib.contextmanager
def alerts(app: App, stop: threading.Event) -> Iterator[None]:
    """Evaluate the [[watch]] rules and deliver their alerts for the block."""
    from windlass.watch.worker import watch_forever

    targets = [("watch", lambda: watch_forever(app.watch, app.jobs.leases, stop=stop))] if app.settings.watch else []
    with _running(targets, stop):
        yield


@contextlib.contextmanager
def seeds(app: App, stop: threading.Event) -> Iterator[None]:
    """Seed the [[replicate]] sets that have an interval, and finish detached seeds, for the block."""
    from windlass.replication.seed.scheduler import seed_forever

    with _running([("replicate", lambda: seed_forever(app.replication, app.jobs, stop))], stop):
        yield


@contextlib.contextmanager
def _running(targets: Iterable[tuple[str, Callable[[], None]]], stop: threading.Event) -> Iterator[None]:
    """Run each target on a thread of the given name for the block; at its end, set `stop` and wait for them."""
    threads = [threading.Thread(target=target, name=name) for name, target in targets]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _consume(consumer: Consumer, stop: threading.Event) -> None:
    """Run a consumer. One that cannot start is logged, and does not stop the others."""
    try:
        consumer.run(stop=stop, signals=False)
    except WindlassError as error:
        logger("queues").error("consumer.failed", consumer=consumer.config.title, error=error.message, hint=error.hint)


def _work(worker: AggregationWorker | PipelineWorker, stop: threading.Event) -> None:
    """Run a worker. One that cannot start is logged, and does not stop the others."""
    try:
        worker.run(stop=stop, signals=False)
    except WindlassError as error:
        logger("up").error("worker.failed", error=error.message, hint=error.hint)
