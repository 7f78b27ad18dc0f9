"""The collector loop beside a console."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from windlass.app import App
from windlass.cli.runners import register_runners
from windlass.inventory.collecting import collect_forever
from windlass.inventory.model import Run

__all__ = ["collector"]


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
        args=(app.inventory, app.jobs, app.store),
        kwargs={"every_s": app.settings.inventory.every_s, "stop": stop, "finished": count},
        name="collector",
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
