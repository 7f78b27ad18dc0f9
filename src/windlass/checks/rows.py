"""Checks and findings as rows for tables, JSON and the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from windlass.checks.model import Check, Finding, Severity, Status
from windlass.checks.runner import RunSummary
from windlass.present.output import Column

__all__ = ["FINDING_COLUMNS", "check_row", "check_rows", "description", "finding_row", "summary_line"]

FINDING_COLUMNS: tuple[object, ...] = (
    "severity",
    "status",
    "check",
    "account_id",
    "region",
    Column("name", "RESOURCE"),
    "owner",
    "since",
    "actor",
)


def check_row(check: Check) -> dict[str, Any]:
    """Return a check with everything that it declares."""
    return {
        "id": check.id,
        "type": check.type,
        "severity": check.severity.label,
        "title": check.title,
        "why": check.why,
        "remedy": check.remedy,
        "references": [f"{reference.standard} {reference.control}".strip() for reference in check.references],
        "applies": check.applies,
        "passes": check.passes,
        "any_of_account": check.any_of_account,
        "origin": check.origin,
    }


def check_rows(checks: Iterable[Check], findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return checks with the numbers of their findings, the worst severity first."""
    counts = Counter((finding.check.id, finding.status) for finding in findings)
    return [
        check_row(check) | {"failing": counts[check.id, Status.FAIL], "unknown": counts[check.id, Status.UNKNOWN]}
        for check in sorted(checks, key=lambda check: (-check.severity, check.id))
    ]


def finding_row(finding: Finding) -> dict[str, Any]:
    """Return a finding with its check's severity, title and remedy."""
    return {
        "severity": finding.check.severity.label,
        "status": str(finding.status),
        "check": finding.check.id,
        "title": finding.check.title,
        "account_id": finding.account_id,
        "region": finding.region,
        "type": finding.check.type,
        "resource": finding.resource,
        "name": finding.name,
        "owner": finding.owner,
        "since": finding.since,
        "actor": finding.actor,
        "unread": list(finding.unread),
        "muted": finding.muted,
        "remedy": finding.check.remedy,
    }


def description(check: Check) -> str:
    """Return a check as a paragraph for people."""
    references = ", ".join(f"{reference.standard} {reference.control}".strip() for reference in check.references)
    lines = [
        f"{check.id}  ({check.severity.label}, {check.type}{', ' + references if references else ''})",
        f"  {check.title}",
        f"  Why: {check.why}",
        f"  Do:  {check.remedy}",
        f"  Passes when: {check.passes}",
    ]
    return "\n".join([*lines, *([f"  Applies when: {check.applies}"] if check.applies else []), ""])


def summary_line(summary: RunSummary, findings: Sequence[Finding]) -> str:
    """Return the run in one line: what was judged, what fails by severity, and what is unknown."""
    failing = Counter(finding.check.severity for finding in findings if finding.status is Status.FAIL)
    unknown = sum(finding.status is Status.UNKNOWN for finding in findings)
    worst = ", ".join(f"{failing[severity]:,} {severity.label}" for severity in sorted(Severity, reverse=True))
    line = (
        f"{summary.resources:,} resources, {summary.judged:,} of them new or changed, judged in {summary.duration_s:.1f} s. "
        f"Failures: {worst}. Unknown: {unknown:,}."
    )
    if summary.unread_scopes:
        line += (
            f" {summary.unread_scopes:,} scopes could not be read, and their resources were not judged: "
            "`windlass inventory coverage` lists them."
        )
    return line
