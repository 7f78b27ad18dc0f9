"""The function that resumes each kind of job."""

from __future__ import annotations

from windlass.app import App
from windlass.clients import scanning
from windlass.inventory import collecting
from windlass.memcached import scaling
from windlass.pipelines import backfill
from windlass.queues import redrive_job
from windlass.replication.seed import job as seeding

__all__ = ["register_runners"]


def register_runners(app: App) -> None:
    """Register a runner with the app's jobs for every kind of job that can be resumed."""
    collecting.register(app.inventory, app.jobs)
    scaling.register(app.memcached, app.jobs)
    backfill.register(lambda: app.pipelines, app.jobs)
    redrive_job.register(lambda: app.queues, app.jobs)
    scanning.register(lambda: app.clients, app.jobs)
    seeding.register(lambda: app.replication, app.jobs)
