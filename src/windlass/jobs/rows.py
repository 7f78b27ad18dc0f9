"""Jobs and leases as rows of listings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windlass.jobs.model import Job

__all__ = ["job_row", "lease_row"]


def job_row(job: Job) -> dict[str, Any]:
    """Return a job as a row."""
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "title": job.title,
        "status": str(job.status),
        "progress": f"{job.fraction:.0%}",
        "done": job.done,
        "total": job.total,
        "unit": job.unit,
        "detail": job.detail,
        "error": job.error,
        "attempt": job.attempt,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "duration_s": round(job.duration_s, 3),
        "eta_s": job.eta_s,
        "holder": job.holder,
    }


def lease_row(lease: Any) -> dict[str, Any]:
    """Return a lease as a row."""
    return {
        "lease": lease.name,
        "holder": lease.holder.title if lease.holder else "",
        "fence": lease.fence,
        "acquired_at": lease.acquired_at,
        "expires_at": lease.expires_at,
    }
