"""`windlass check mute`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.checks.commands.options import open_checks
from windlass.core import clock
from windlass.present.options import DryRun

__all__ = ["mute"]


def mute(
    ctx: typer.Context,
    check: Annotated[str, typer.Argument(metavar="CHECK", help="The check's id, such as s3-website.")],
    resource: Annotated[
        str, typer.Argument(metavar="RESOURCE", help="ARN, id or name, with * for any text; an account's id.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is accepted.")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day on which it is accepted.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Accept a finding: add it, with the reason, to the file of mutes, which belongs under version control.

    Examples:
      windlass check mute s3-website www-harbour --reason "the public website"
      windlass check mute s3-access-logging '*-scratch' --reason "no data of customers" --until 2099-12-31
    """
    from windlass.checks.model import Mute

    service = open_checks(ctx)
    last_day = clock.parse_when(until, at=clock.now()).date().isoformat() if until else ""
    added = Mute(check=check, resource=resource, reason=reason, until=last_day)
    print(service.mute(added, dry_run=dry_run))
    if dry_run:
        return
    print(f"{service.mutes_file}: {check} is muted for {resource}", file=sys.stderr)
