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
from windlass.pipelines.counted import Count
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
    for one in service.built():
        mine = [count for count in minutes if count.pipeline == one.name]
        refused = [failure for failure in failures if failure.pipeline == one.name]
        flow = _flow(mine, now)
        items.append(
            plain(pipeline_row(one, counted.get(one.name, {})))
            | {
                "steps": [bound.step.name for bound in one.transform.steps],
                "on_error": one.config.on_error,
                "flow": flow,
                "rate": flow[-1]["done"] if flow else 0,
                "waiting": sum(failure.retried_at is None for failure in refused),
                "failures": [plain(asdict(failure)) for failure in refused[:10]],
            }
        )
    jobs = [job_json(one) for one in context.jobs.list(kind=KIND, limit=5)]
    return {"items": items, "jobs": jobs, "cli": "windlass pipeline list"}


def _flow(counts: list[Count], now: datetime) -> list[dict[str, Any]]:
    """Objects per minute: done and quarantined. The current, incomplete minute is left out."""
    done: dict[str, int] = {}
    failed: dict[str, int] = {}
    for one in counts:
        at = format_time(one.minute)
        if one.outcome in _DONE or one.outcome in _SKIPPED:
            done[at] = done.get(at, 0) + one.objects
        else:
            failed[at] = failed.get(at, 0) + one.objects
    if not done and not failed:
        return []
    this = now.replace(second=0, microsecond=0)
    first = min((*done, *failed))
    found = []
    for back in range(CHART_MINUTES, 0, -1):
        moment = this - timedelta(minutes=back)
        at = format_time(moment)
        if at >= first:
            found.append({"at": moment.strftime("%H:%M"), "done": done.get(at, 0), "failed": failed.get(at, 0)})
    return found
