"""`windlass watch test`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.inventory.commands.options import Since
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit
from windlass.watch.commands.options import RuleName, open_watch

__all__ = ["test"]


def test(
    ctx: typer.Context,
    rule: RuleName,
    since: Since = "7d",  # noqa: PT028  a command, not a test
    limit: Limit = 0,  # noqa: PT028
    output: Output = Format.TABLE,  # noqa: PT028
) -> None:
    """Show what a rule would have alerted on. Nothing is recorded or sent.

    Changes are those of the history; findings, scopes and jobs are those that began since and still last.

    Examples:
      windlass watch test public-buckets --since 7d
      windlass watch test public-buckets --since 2026-11-20 -o json
    """
    from windlass.watch.rows import PREVIEW_COLUMNS, preview_row

    now = clock.now()
    previews = open_watch(ctx).preview(rule, clock.parse_when(since, at=now))
    rows = [preview_row(preview) for preview in previews]
    emit(rows, output, PREVIEW_COLUMNS, now=now, limit=limit, empty="The rule would have alerted on nothing.")
