"""Reasons of a failed batch job: a role that S3 does not know yet, or an empty manifest. Pure.

IAM is eventually consistent (IAM user guide, "Changes that I make are not always immediately visible"), and S3 Batch Operations
uses the role only after CreateJob was accepted: such a job fails in the state Preparing, before any task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass.core.clock import parse_time
from windlass.replication.model import BatchJob

__all__ = ["RETRY_INTERVAL_S", "failed_before_role_was_visible", "manifest_was_empty"]

RETRY_INTERVAL_S = 3.0
_DENIALS = ("accessdenied", "access denied", "assume", "not authorized", "permission", "forbidden")


def failed_before_role_was_visible(job: BatchJob, facts: Mapping[str, Any], visible_after_s: float) -> bool:
    """Return whether the same job may succeed later: access was denied before its first task, with a role this new.

    `facts` are the seed's: when its role was changed (absent for a role that it did not write) and when the job was requested.
    More than `visible_after_s` apart, a denial is real.
    """
    if job.status != "Failed" or job.total or not facts.get("role_changed_at") or not facts.get("requested_at"):
        return False
    role_age_s = (parse_time(facts["requested_at"]) - parse_time(facts["role_changed_at"])).total_seconds()
    reasons = " ".join(job.reasons).lower()
    return role_age_s <= visible_after_s and any(denial in reasons for denial in _DENIALS)


def manifest_was_empty(reasons: str) -> bool:
    """Return whether S3 failed a job because its generated manifest holds no object."""
    text = reasons.lower()
    return not text or "no keys" in text or "empty" in text or "no objects" in text
