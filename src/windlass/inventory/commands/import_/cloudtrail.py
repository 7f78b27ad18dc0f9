"""`windlass inventory import cloudtrail`."""

from __future__ import annotations

import typer

from windlass.inventory.commands.import_.options import Location, show_result
from windlass.present.commands import service
from windlass.present.options import Account, DryRun, Quiet, Region

__all__ = ["cloudtrail"]


def cloudtrail(
    ctx: typer.Context,
    location: Location,
    account: Account = "",
    region: Region = "",
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Name who made past changes, from CloudTrail's files.

    An event names the actor of the first revision after it. Files that were imported before are skipped.

    Examples:
      windlass inventory import cloudtrail s3://trail-logs/AWSLogs/
      windlass inventory import cloudtrail logs --dry-run
    """
    from windlass.present.progress import ProgressLine

    with ProgressLine("importing", quiet=quiet) as line:
        result = service(ctx, "history_import").import_cloudtrail(
            location, account_id=account, region=region, progress=line.update, dry_run=dry_run
        )
    show_result(result, dry_run=dry_run)
