"""The collector loop beside a console."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from windlass.app import App
from windlass.cli.runners import register_runners
from windlass.core.errors import WindlassError
from windlass.inventory.collecting import collect_forever
from windlass.inventory.model import Run
from windlass.observe.log import logger

if TYPE_CHECKING:
    from windlass.aggregation.worker import AggregationWorker
    from windlass.pipelines.worker import Worker as PipelineWorker
    from windlass.queues.consumer import Consumer

__all__ = ["collector", "consumers", "seeds", "workers"]


@contextlib.contextmanager
def collector(app: App, stop: threading.Event) -> Iterator[None]:
    """Collect in the background for the block; at its end the round under way is stopped in order."""
    register_runners(app)

    def count(run: Run) -> None:
        app.metrics.runs.labels(run.status).inc()
        for change, number in (("created", run.created), ("updated", run.updated), ("deleted", run.deleted)):
            app.metrics.revisions.labels(change).inc(number)
        if run.finished_at:
            app.metrics.run_seconds.set((run.finished_at - run.started_at).total_seconds())

    thread = threading.Thread(
        target=collect_forever,
        args=(app.inventory, app.jobs),
        kwargs={"every_s": app.settings.inventory.every_s, "stop": stop, "finished": count},
        name="collector",
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def consumers(app: App, stop: threading.Event) -> Iterator[None]:
    """Run every [[consume]] entry on a thread of its own for the block; at its end they drain in order."""
    from windlass.queues.consumer import Consumer

    made = [
        Consumer(one, queues=app.queues, store=lambda: app.store, registry=app.metrics.registry)
        for one in app.settings.consume
    ]
    threads = [threading.Thread(target=_consume, args=(one, stop), name=f"consume-{one.config.title}") for one in made]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def seeds(app: App, stop: threading.Event) -> Iterator[None]:
    """Seed every [[replicate]] set that has `every` when its time comes, and finish detached seeds, for the block."""
    from windlass.replication.seed.scheduler import seed_forever

    thread = threading.Thread(target=seed_forever, args=(app.replication, app.jobs, stop), name="replicate")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _consume(consumer: Consumer, stop: threading.Event) -> None:
    """One that can't start is said, and holds up no other."""
    try:
        consumer.run(stop=stop, signals=False)
    except WindlassError as error:
        logger("queues").error("consumer.failed", consumer=consumer.config.title, error=error.message, hint=error.hint)


@contextlib.contextmanager
def workers(app: App, stop: threading.Event) -> Iterator[None]:
    """Run the rules of every [[aggregate]] entry and every [[pipeline]] with a queue for the block, a worker per queue."""
    made: list[AggregationWorker | PipelineWorker] = []
    if app.settings.aggregate:
        made += app.aggregation.workers(registry=app.metrics.registry)
    if any(one.queue for one in app.settings.pipeline):
        made += app.pipelines.workers(registry=app.metrics.registry)
    threads = [threading.Thread(target=_work, args=(one, stop), name="worker") for one in made]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _work(worker: AggregationWorker | PipelineWorker, stop: threading.Event) -> None:
    try:
        worker.run(stop=stop, signals=False)
    except WindlassError as error:
        logger("up").error("worker.failed", error=error.message, hint=error.hint)
