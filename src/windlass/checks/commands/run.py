"""`windlass check run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.checks.commands.options import CheckFormat, CheckOutput, Owner, SeverityName, open_checks
from windlass.core.errors import EXIT_FINDINGS
from windlass.present.options import Accounts, Limit

if TYPE_CHECKING:
    from windlass.checks.model import Finding
    from windlass.checks.runner import RunSummary

__all__ = ["run"]

_EXIT_UNKNOWN = 1


def run(
    ctx: typer.Context,
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="CHECK", help="Only these checks; all by default.")
    ] = None,
    severity: SeverityName = "low",
    accounts: Accounts = None,
    owner: Owner = "",
    muted: Annotated[bool, typer.Option("--muted", help="Include muted findings.")] = False,
    limit: Limit = 0,
    output: CheckOutput = CheckFormat.TABLE,
) -> None:
    """Judge what changed since the last run, and show what fails or could not be judged.

    Exit code 3: something fails. 1: nothing fails, but something could not be judged. 0: everything was judged and passes.

    Examples:
      windlass check run --severity high
      windlass check run s3-public-policy s3-public-acl -o junit
    """
    from windlass.checks.formats import write_findings
    from windlass.checks.rows import summary_line
    from windlass.checks.service import FindingQuery
    from windlass.checks.severities import severity_of

    service = open_checks(ctx)
    narrowed = FindingQuery(checks=tuple(checks or ()), severity=severity_of(severity), accounts=tuple(accounts or ()))
    query = replace(narrowed, owner=owner, muted=muted)
    summary = service.run()
    findings = service.findings(query)
    if not summary.resources:
        print("No check ran: the inventory is empty. Run `windlass inventory collect` first.", file=sys.stderr)
        raise typer.Exit(_EXIT_UNKNOWN)
    write_findings(findings, output, limit=limit, ran_at=summary.ran_at)
    print(summary_line(summary, findings), file=sys.stderr)
    raise typer.Exit(_exit_code(summary, findings))


def _exit_code(summary: RunSummary, findings: Sequence[Finding]) -> int:
    from windlass.checks.model import Status

    statuses = {finding.status for finding in findings if not finding.muted}
    if Status.FAIL in statuses:
        return EXIT_FINDINGS
    return _EXIT_UNKNOWN if Status.UNKNOWN in statuses or summary.unread_scopes else 0
