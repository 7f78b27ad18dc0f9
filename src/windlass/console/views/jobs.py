"""The Jobs page, and the page of one job with its log."""

from __future__ import annotations

from dataclasses import asdict

from windlass.api.routes import job_json
from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, first, link, one_of
from windlass.core.canonical import plain
from windlass.jobs.model import JobStatus

__all__ = ["job", "jobs"]

MAX_JOBS = 100
MAX_LOG_LINES = 2000


def jobs(context: PageContext, params: Params) -> Data:
    """Return the jobs, the newest first, of one status when the URL names one."""
    status = one_of(params, "status", JobStatus)
    chosen = JobStatus(status) if status else None
    return {
        "items": [job_json(job) for job in context.jobs.list(status=chosen, limit=MAX_JOBS)],
        "chosen": str(chosen or ""),
        "statuses": [
            {"name": "all", "chosen": chosen is None, "link": "/jobs"},
            *(
                {"name": str(known), "chosen": known is chosen, "link": link("/jobs", {}, status=str(known))}
                for known in JobStatus
            ),
        ],
        "cli": "windlass jobs list",
    }


def job(context: PageContext, params: Params) -> Data:
    """Return one job with its log. NotFound for an unknown job."""
    details = context.jobs.get(first(params, "job_id"))
    log = [plain(asdict(entry)) for entry in context.jobs.log(details.job_id, limit=MAX_LOG_LINES)]
    live = not details.status.ended
    return {
        "job": job_json(details),
        "log": log,
        "live": live,
        "resumable": details.status.resumable,
        "runnable": details.kind in context.jobs.runners,
    }
