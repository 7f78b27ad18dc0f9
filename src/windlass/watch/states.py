"""What rules on findings, scopes and jobs watch: states that last. Each is alerted on once, when it begins. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from windlass.checks.model import Finding, Severity
from windlass.inventory.model import ScopeStatus
from windlass.jobs.model import Job, JobStatus
from windlass.watch.config import WatchConfig
from windlass.watch.model import Occurrence

__all__ = ["States", "failed_jobs", "failing", "unread"]

States = Mapping[str, Occurrence]
"""What a rule watches for and what is so now, by an id that is the same while it lasts."""


def failing(rule: WatchConfig, findings: Iterable[Finding]) -> States:
    """Return the findings that the rule watches; muted ones are accepted, and no alert."""
    lowest = Severity[rule.severity.upper()]
    return {
        _id(finding.check.id, finding.account_id, finding.resource_row_id, finding.status): _finding(finding)
        for finding in findings
        if not finding.muted
        and finding.check.severity >= lowest
        and str(finding.status) in rule.statuses
        and (not rule.checks or any(fnmatchcase(finding.check.id, pattern) for pattern in rule.checks))
        and (not rule.accounts or finding.account_id in rule.accounts)
        and (not rule.owner or finding.owner == ("" if rule.owner == "-" else rule.owner))
    }


def _finding(finding: Finding) -> Occurrence:
    turned = "fails" if str(finding.status) == "fail" else "could not be judged"
    who = f" after a change by {finding.actor}" if finding.actor else ""
    return Occurrence(
        occurred_at=finding.since,
        title=f"{finding.check.severity.label}: {finding.check.title}: {finding.name} {turned}{who}",
        facts={
            "check": finding.check.id,
            "status": str(finding.status),
            "severity": finding.check.severity.label,
            "type": finding.check.type,
            "resource": finding.resource,
            "name": finding.name,
            "account_id": finding.account_id,
            "region": finding.region,
            "owner": finding.owner,
            "actor": finding.actor,
            "remedy": finding.check.remedy,
        },
    )


def unread(rule: WatchConfig, scopes: Iterable[ScopeStatus], now: datetime) -> States:
    """Return the scopes whose last complete read is too long ago. One that was never read counts from its first failure."""
    states = {}
    for status in scopes:
        scope = status.scope
        last = status.last_good_at or status.state_since or status.scanned_at
        if status.state == "unsupported" or now - last < timedelta(seconds=rule.unread_s):
            continue
        if rule.types and not any(fnmatchcase(scope.type, pattern) for pattern in rule.types):
            continue
        if rule.accounts and scope.account_id not in rule.accounts:
            continue
        since = f"since {last:%Y-%m-%d %H:%M}Z" if status.last_good_at else "never"
        states[_id(scope.account_id, scope.region, scope.type)] = Occurrence(
            occurred_at=last + timedelta(seconds=rule.unread_s),
            title=f"{scope.type} in {scope.region} of {scope.account_id} was not read {since}: {status.state}",
            facts={
                "type": scope.type,
                "account_id": scope.account_id,
                "region": scope.region,
                "state": str(status.state),
                "error": status.error,
            },
        )
    return states


def failed_jobs(rule: WatchConfig, jobs: Iterable[Job]) -> States:
    """Return the jobs that failed. One that a person cancelled is no failure."""
    return {
        _id(job.job_id, job.attempt): Occurrence(
            occurred_at=job.finished_at or job.created_at,
            title=f"The job {job.title} failed: {job.error}",
            facts={"job": job.job_id, "kind": job.kind, "error": job.error, "attempt": job.attempt},
        )
        for job in jobs
        if job.status is JobStatus.FAILED
        and (not rule.jobs or any(fnmatchcase(job.kind, pattern) for pattern in rule.jobs))
    }


def _id(*parts: object) -> str:
    return hashlib.blake2b("|".join(str(part) for part in parts).encode(), digest_size=16).hexdigest()
