"""`/v1/checks` and `/v1/findings`: the checks, and the findings of the last run."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from windlass.api.routes import AppDep, Many, configured_accounts
from windlass.checks.model import Status
from windlass.checks.rows import check_row, check_rows, finding_row
from windlass.checks.service import FindingQuery
from windlass.checks.severities import severity_of
from windlass.core.canonical import plain
from windlass.core.suggest import unknown_word
from windlass.inventory.model import Query as ResourceQuery

__all__ = ["router"]

router = APIRouter(prefix="/v1")


def _status_of(value: str) -> Status:
    known = [str(status) for status in (Status.FAIL, Status.UNKNOWN)]
    if value not in known:
        raise unknown_word("status", value, known)
    return Status(value)


@router.get("/checks", summary="List checks")
def checks(app: AppDep) -> dict[str, Any]:
    """Every check with its condition, reason and remedy, and the numbers of its findings."""
    return {"items": plain(check_rows(app.checks.checks(), app.checks.findings()))}


@router.get("/checks/{check_id}", summary="Show a check")
def check(app: AppDep, check_id: str) -> dict[str, Any]:
    """One check with its findings, muted ones included."""
    shown = app.checks.check(check_id)
    findings = app.checks.findings(FindingQuery(checks=(check_id,), muted=True))
    return {**check_row(shown), "findings": plain([finding_row(finding) for finding in findings])}


@router.get("/findings", summary="List findings")
def findings(
    app: AppDep,
    check: Many = [],  # noqa: B006  FastAPI copies defaults
    severity: str = "low",
    account: Many = [],  # noqa: B006
    owner: str = "",
    status: Many = [],  # noqa: B006
    muted: bool = False,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict[str, Any]:
    """Failures and unknown results of the last run, the worst first; `total` also counts those beyond `limit`."""
    query = FindingQuery(
        checks=tuple(check),
        severity=severity_of(severity),
        accounts=tuple(account),
        owner=owner,
        statuses=tuple(_status_of(value) for value in status),
        muted=muted,
    )
    app.inventory.check(ResourceQuery(account_ids=tuple(account)), account_ids=configured_accounts(app))
    chosen = app.checks.findings(query)
    return {"items": plain([finding_row(finding) for finding in chosen[:limit]]), "total": len(chosen)}
