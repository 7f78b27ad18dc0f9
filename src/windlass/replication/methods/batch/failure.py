"""Reasons of a failed batch job: a role that S3 does not know yet, or an empty manifest. Pure.

IAM is eventually consistent (IAM user guide, "Changes that I make are not always immediately visible"), and S3 Batch Operations
uses the role only after CreateJob was accepted: such a job fails in the state Preparing, before any task.
"""

from __future__ import annotations

from windlass.replication.model import BatchJob
from windlass.replication.seed.checkpoint import BatchCheckpoint

__all__ = ["RETRY_INTERVAL_S", "failed_before_role_was_visible", "manifest_was_empty"]

RETRY_INTERVAL_S = 3.0
_DENIALS = ("accessdenied", "access denied", "assume", "not authorized", "permission", "forbidden")


def failed_before_role_was_visible(job: BatchJob, checkpoint: BatchCheckpoint, visible_after_s: float) -> bool:
    """Return whether a new attempt of the same job can succeed: access was denied before its first task, with a new
    role.

    The checkpoint has the time when the role was changed (None for a role that Windlass did not write) and when the job
    was requested. More than `visible_after_s` later, a denial is real.
    """
    if job.status != "Failed" or job.total or checkpoint.role_changed_at is None or checkpoint.requested_at is None:
        return False
    role_age_s = (checkpoint.requested_at - checkpoint.role_changed_at).total_seconds()
    reasons = " ".join(job.reasons).lower()
    return role_age_s <= visible_after_s and any(denial in reasons for denial in _DENIALS)


def manifest_was_empty(reasons: str) -> bool:
    """Return whether S3 failed a job because its generated manifest holds no object."""
    text = reasons.lower()
    return not text or "no keys" in text or "empty" in text or "no objects" in text
