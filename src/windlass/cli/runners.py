"""The function that resumes each kind of job."""

from __future__ import annotations

from windlass.app import App
from windlass.clients import scan_job
from windlass.inventory import collection_job
from windlass.memcached import change_job
from windlass.pipelines import backfill
from windlass.queues import redrive_job
from windlass.replication.seed import job as seeding

__all__ = ["register_runners"]


def register_runners(app: App) -> None:
    """Register a runner with the app's jobs for every kind of job that can be resumed."""
    collection_job.register(app.inventory, app.jobs)
    change_job.register(app.memcached, app.jobs)
    backfill.register(lambda: app.pipelines, app.jobs)
    redrive_job.register(lambda: app.queues, app.jobs)
    scan_job.register(lambda: app.clients, app.jobs)
    seeding.register(lambda: app.replication, app.jobs)
