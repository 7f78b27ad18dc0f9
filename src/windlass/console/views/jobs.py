"""All long work: a list, and one job with its log."""

from __future__ import annotations

from dataclasses import asdict

from windlass.api.routes import job_value
from windlass.console.desk import Desk
from windlass.console.views.links import Data, Params, first, link, one_of
from windlass.core.canonical import plain
from windlass.jobs.model import JobStatus

__all__ = ["job", "jobs"]

_MOST = 100
_LINES = 2000


def jobs(desk: Desk, params: Params) -> Data:
    """Newest first."""
    status = one_of(params, "status", JobStatus)
    chosen = JobStatus(status) if status else None
    return {
        "items": [job_value(one) for one in desk.jobs.list(status=chosen, limit=_MOST)],
        "chosen": str(chosen or ""),
        "statuses": [
            {"name": "all", "chosen": chosen is None, "link": "/jobs"},
            *(
                {"name": str(one), "chosen": one is chosen, "link": link("/jobs", {}, status=str(one))}
                for one in JobStatus
            ),
        ],
        "cli": "windlass jobs list",
    }


def job(desk: Desk, params: Params) -> Data:
    """One job with its log."""
    found = desk.jobs.get(first(params, "job_id"))
    log = [plain(asdict(entry)) for entry in desk.jobs.log(found.job_id, limit=_LINES)]
    live = not found.status.ended
    return {
        "job": job_value(found),
        "log": log,
        "live": live,
        "resumable": found.status.resumable,
        "runnable": found.kind in desk.jobs.runners,
    }
