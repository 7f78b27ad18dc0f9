"""Pipelines: what flows from where to where, how much of it, what was refused and why, and backfills."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from windlass.api.routes import job_value
from windlass.console.desk import Desk
from windlass.console.views.links import Data, Params
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import format_time
from windlass.pipelines.backfill import KIND
from windlass.pipelines.counters import Count
from windlass.pipelines.rows import pipeline_row

__all__ = ["pipelines"]

_SPAN_MIN = 30
_DONE = ("written", "deleted")
_THERE = ("duplicate", "stale", "gone", "nothing")


def pipelines(desk: Desk, _: Params) -> Data:
    """Every pipeline with its flow over the last half hour, and what it refused."""
    service = desk.app.pipelines
    now = clock.now()
    counted = service.totals()
    minutes = service.counts(within_s=_SPAN_MIN * 60.0)
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
    jobs = [job_value(one) for one in desk.jobs.list(kind=KIND, limit=5)]
    return {"items": items, "jobs": jobs, "cli": "windlass pipeline list"}


def _flow(counts: list[Count], now: datetime) -> list[dict[str, Any]]:
    """Objects a minute that were done and that were refused, the minute under way left out."""
    done: dict[str, int] = {}
    failed: dict[str, int] = {}
    for one in counts:
        at = format_time(one.minute)
        if one.outcome in _DONE or one.outcome in _THERE:
            done[at] = done.get(at, 0) + one.objects
        else:
            failed[at] = failed.get(at, 0) + one.objects
    if not done and not failed:
        return []
    this = now.replace(second=0, microsecond=0)
    first = min((*done, *failed))
    found = []
    for back in range(_SPAN_MIN, 0, -1):
        moment = this - timedelta(minutes=back)
        at = format_time(moment)
        if at >= first:
            found.append({"at": moment.strftime("%H:%M"), "done": done.get(at, 0), "failed": failed.get(at, 0)})
    return found
