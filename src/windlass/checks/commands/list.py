"""`windlass check list`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.checks.commands.options import Owner, SeverityName, open_checks
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["list_"]

_COLUMNS = (
    "id",
    "severity",
    "type",
    Column("failing", right=True),
    Column("unknown", right=True),
    "references",
    "title",
)


def list_(
    ctx: typer.Context,
    severity: SeverityName = "low",
    kind: Annotated[str, typer.Option("--type", "-t", metavar="TYPE", help="Only checks of this resource type.")] = "",
    owner: Owner = "",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List the checks: shipped ones and your own, with the results of the last run.

    Examples:
      windlass check list --severity critical
      windlass check list --type s3.bucket -o json
    """
    from windlass.checks.rows import check_rows
    from windlass.checks.service import FindingQuery
    from windlass.checks.severities import severity_of

    service, lowest = open_checks(ctx), severity_of(severity)
    checks = [check for check in service.checks() if check.severity >= lowest and kind in ("", check.type)]
    findings = service.findings(FindingQuery(owner=owner))
    emit(check_rows(checks, findings), output, _COLUMNS, limit=limit, empty="No check matches.")
