"""Findings as tables, JSON and CSV, and as JUnit (for CI systems) and OCSF (for security data lakes)."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

from windlass import __version__
from windlass.checks.commands.options import CheckFormat
from windlass.checks.model import Finding, Severity, Status
from windlass.checks.rows import FINDING_COLUMNS, finding_row
from windlass.present.output import Format, emit

__all__ = ["junit", "ocsf", "write_findings"]

_OCSF_SEVERITIES = {Severity.LOW: 2, Severity.MEDIUM: 3, Severity.HIGH: 4, Severity.CRITICAL: 5}


def write_findings(findings: Sequence[Finding], output: CheckFormat, *, limit: int, ran_at: datetime) -> None:
    """Write findings to stdout; `limit` bounds tables, JSON and CSV (0 for all)."""
    if output is CheckFormat.JUNIT:
        sys.stdout.write(junit(findings) + "\n")
    elif output is CheckFormat.OCSF:
        sys.stdout.write(json.dumps([ocsf(finding, ran_at) for finding in findings], indent=2) + "\n")
    else:
        rows = [finding_row(finding) for finding in findings]
        columns = FINDING_COLUMNS if output is CheckFormat.TABLE or not rows else list(rows[0])
        empty = "Nothing fails, and everything could be judged."
        emit(rows, Format(output.value), columns, now=ran_at, limit=limit, empty=empty)


def junit(findings: Sequence[Finding]) -> str:
    """Return findings as JUnit XML: a test case each; unknown results are errors, muted ones are skipped."""
    suite = ET.Element(
        "testsuite",
        name="windlass check",
        tests=str(len(findings)),
        failures=str(sum(finding.status is Status.FAIL and not finding.muted for finding in findings)),
        errors=str(sum(finding.status is Status.UNKNOWN and not finding.muted for finding in findings)),
        skipped=str(sum(bool(finding.muted) for finding in findings)),
    )
    for finding in findings:
        case = ET.SubElement(suite, "testcase", classname=finding.check.id, name=finding.resource)
        text = f"{finding.check.title}\n{finding.check.why}\n{finding.check.remedy}"
        if finding.muted:
            ET.SubElement(case, "skipped", message=finding.muted)
        elif finding.status is Status.FAIL:
            failure = ET.SubElement(case, "failure", message=finding.check.title, type=finding.check.severity.label)
            failure.text = text
        else:
            members = ", ".join(finding.unread) or "what it needs"
            ET.SubElement(case, "error", message=f"could not be judged: {members} was not read", type="unknown")
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode")


def ocsf(finding: Finding, ran_at: datetime) -> dict[str, Any]:
    """Return a finding as an OCSF 1.3 Compliance Finding (class 2003)."""
    failed = finding.status is Status.FAIL
    return {
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": 200301,
        "time": int(ran_at.timestamp() * 1000),
        "severity_id": _OCSF_SEVERITIES[finding.check.severity],
        "severity": finding.check.severity.label.title(),
        "status_id": 3 if finding.muted else 1,
        "status": "Suppressed" if finding.muted else "New",
        "message": finding.check.title,
        "finding_info": {
            "uid": f"{finding.check.id}:{finding.resource}",
            "title": finding.check.title,
            "desc": finding.check.why,
            "first_seen_time": int(finding.since.timestamp() * 1000),
        },
        "compliance": {
            "control": finding.check.id,
            "standards": [
                f"{reference.standard} {reference.control}".strip() for reference in finding.check.references
            ],
            "status_id": 3 if failed else 0,
            "status": "Fail" if failed else "Unknown",
        },
        "remediation": {"desc": finding.check.remedy},
        "resources": [
            {
                "uid": finding.resource,
                "name": finding.name,
                "type": finding.check.type,
                "region": finding.region,
                "owner": {"name": finding.owner},
            }
        ],
        "cloud": {"provider": "AWS", "account": {"uid": finding.account_id}, "region": finding.region},
        "metadata": {
            "version": "1.3.0",
            "product": {"name": "Windlass", "vendor_name": "Windlass", "version": __version__},
        },
    }
