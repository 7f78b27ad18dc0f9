"""The Checks page: findings by severity, owner and account, and since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from windlass.checks.model import Finding, Severity, Status
from windlass.checks.rows import finding_row
from windlass.checks.service import CheckRun
from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, first, link, one_of
from windlass.core.canonical import plain

__all__ = ["checks"]

MAX_FINDINGS = 200
MAX_ROWS = 12
MAX_RUNS = 60
_NO_OWNER = "no owner"


def checks(context: PageContext, params: Params) -> Data:
    """Return the findings of the last run, narrowed by the URL, and their numbers by severity, check, owner and account."""
    service = context.app.checks
    every = service.findings()
    ids = [check.id for check in service.checks()]
    accounts = [status.account_id for status in context.inventory.accounts()]
    chosen = _chosen(every, params, check=one_of(params, "check", ids), account=one_of(params, "account", accounts))
    runs = service.runs(limit=MAX_RUNS)
    return {
        "run": plain(_run_row(runs[0])) if runs else None,
        "checks": len(ids),
        "severities": _severities(every, params),
        "unknown": sum(finding.status is Status.UNKNOWN for finding in every),
        "unknown_link": link("/checks", params, status=str(Status.UNKNOWN)),
        "by_check": _groups(chosen, params, "check", lambda finding: finding.check.id),
        "by_owner": _groups(chosen, params, "owner", lambda finding: finding.owner or _NO_OWNER),
        "by_account": _groups(chosen, params, "account", lambda finding: finding.account_id),
        "items": [plain(finding_row(finding)) for finding in chosen[:MAX_FINDINGS]],
        "total": len(chosen),
        "filters": [
            {"name": name, "value": value, "link": link("/checks", params, **{name: ""})}
            for name in ("severity", "status", "check", "owner", "account")
            if (value := first(params, name))
        ],
        "trend": [plain(_run_row(run)) for run in reversed(runs)],
        "aliases": context.aliases(),
        "cli": "windlass check run",
    }


def _chosen(findings: Iterable[Finding], params: Params, *, check: str, account: str) -> list[Finding]:
    severity = one_of(params, "severity", [severity.label for severity in Severity])
    status = one_of(params, "status", [str(Status.FAIL), str(Status.UNKNOWN)])
    owner = first(params, "owner")
    return [
        finding
        for finding in findings
        if severity in ("", finding.check.severity.label)
        and status in ("", str(finding.status))
        and check in ("", finding.check.id)
        and owner in ("", finding.owner or _NO_OWNER)
        and account in ("", finding.account_id)
    ]


def _severities(findings: Sequence[Finding], params: Params) -> list[dict[str, Any]]:
    counts = Counter(finding.check.severity for finding in findings if finding.status is Status.FAIL)
    return [
        {
            "name": severity.label,
            "count": counts[severity],
            "link": link("/checks", params, severity=severity.label, status=str(Status.FAIL)),
        }
        for severity in sorted(Severity, reverse=True)
    ]


def _groups(findings: Iterable[Finding], params: Params, name: str, key: Any) -> list[dict[str, Any]]:
    counts = Counter(key(finding) for finding in findings if finding.status is Status.FAIL)
    return [
        {"name": value, "count": number, "link": link("/checks", params, **{name: value})}
        for value, number in counts.most_common(MAX_ROWS)
    ]


def _run_row(run: CheckRun) -> dict[str, Any]:
    return {
        "ran_at": run.ran_at,
        "resources": run.resources,
        "judged": run.judged,
        "failing": sum(number for name, number in run.counts.items() if name.endswith(f" {Status.FAIL}")),
    }
