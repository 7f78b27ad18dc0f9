"""`windlass inventory import config`."""

from __future__ import annotations

import typer

from windlass.inventory.commands.import_.options import Location, show_result
from windlass.present.commands import service
from windlass.present.options import Account, DryRun, Quiet, Region

__all__ = ["config"]


def config(
    ctx: typer.Context,
    location: Location,
    account: Account = "",
    region: Region = "",
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Import AWS Config's snapshots and history files as past revisions.

    A state begins when Config captured it. What Windlass saw itself stays. Files that were imported before are skipped.

    Examples:
      windlass inventory import config s3://trail-logs/AWSLogs/ --dry-run
      windlass inventory import config logs
    """
    from windlass.present.progress import ProgressLine

    with ProgressLine("importing", quiet=quiet) as line:
        result = service(ctx, "history_import").import_config(
            location, account_id=account, region=region, progress=line.update, dry_run=dry_run
        )
    show_result(result, dry_run=dry_run)
