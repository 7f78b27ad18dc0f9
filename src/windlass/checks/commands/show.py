"""`windlass check show`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.checks.commands.options import open_checks
from windlass.present.options import Output
from windlass.present.output import Format, emit, emit_value

__all__ = ["show"]


def show(
    ctx: typer.Context,
    check: Annotated[str, typer.Argument(metavar="CHECK", help="The check's id, such as s3-public-policy.")],
    output: Output = Format.TABLE,
) -> None:
    """Show a check: why it matters, what to do, and what it found, since when and after whose change.

    Examples:
      windlass check show s3-public-policy
      windlass check show iam-access-key-age -o json
    """
    from windlass.checks.rows import FINDING_COLUMNS, check_row, description, finding_row
    from windlass.checks.service import FindingQuery

    service = open_checks(ctx)
    shown = service.check(check)
    rows = [finding_row(finding) for finding in service.findings(FindingQuery(checks=(check,), muted=True))]
    if output is Format.JSON:
        emit_value(check_row(shown) | {"findings": rows})
        return
    if output is Format.TABLE:
        print(description(shown))
    emit(rows, output, FINDING_COLUMNS, empty="The last run found nothing.")
