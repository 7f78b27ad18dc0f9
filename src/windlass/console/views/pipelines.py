"""The Pipelines page: source, steps and target, throughput, quarantined objects and backfills."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from windlass.api.routes import job_json
from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import format_time
from windlass.pipelines.backfill import KIND
from windlass.pipelines.counters import Count
from windlass.pipelines.rows import pipeline_row

__all__ = ["pipelines"]

CHART_MINUTES = 30
_DONE = ("written", "deleted")
_SKIPPED = ("duplicate", "stale", "gone", "nothing")


def pipelines(context: PageContext, _: Params) -> Data:
    """Return every pipeline with its throughput of the last 30 minutes and its quarantined objects."""
    service = context.app.pipelines
    now = clock.now()
    counted = service.totals()
    minutes = service.counts(within_s=CHART_MINUTES * 60.0)
    failures = service.failures(limit=500)
    items = []
    for pipeline in service.built():
        counts_of_pipeline = [count for count in minutes if count.pipeline == pipeline.name]
        refused = [failure for failure in failures if failure.pipeline == pipeline.name]
        flow = _flow(counts_of_pipeline, now)
        items.append(
            plain(pipeline_row(pipeline, counted.get(pipeline.name, {})))
            | {
                "steps": [bound.step.name for bound in pipeline.transform.steps],
                "on_error": pipeline.config.on_error,
                "flow": flow,
                "rate": flow[-1]["done"] if flow else 0,
                "waiting": sum(failure.retried_at is None for failure in refused),
                "failures": [plain(asdict(failure)) for failure in refused[:10]],
            }
        )
    jobs = [job_json(job) for job in context.jobs.list(kind=KIND, limit=5)]
    return {"items": items, "jobs": jobs, "cli": "windlass pipeline list"}


def _flow(counts: list[Count], now: datetime) -> list[dict[str, Any]]:
    """Objects per minute: done and quarantined. The current, incomplete minute is left out."""
    done: dict[str, int] = {}
    failed: dict[str, int] = {}
    for count in counts:
        at = format_time(count.minute)
        if count.outcome in _DONE or count.outcome in _SKIPPED:
            done[at] = done.get(at, 0) + count.objects
        else:
            failed[at] = failed.get(at, 0) + count.objects
    if not done and not failed:
        return []
    this = now.replace(second=0, microsecond=0)
    first = min((*done, *failed))
    points = []
    for back in range(CHART_MINUTES, 0, -1):
        moment = this - timedelta(minutes=back)
        at = format_time(moment)
        if at >= first:
            points.append({"at": moment.strftime("%H:%M"), "done": done.get(at, 0), "failed": failed.get(at, 0)})
    return points
