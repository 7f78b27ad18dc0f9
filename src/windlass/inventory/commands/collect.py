"""`windlass inventory collect`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.core.errors import AccessDenied, PartialFailure
from windlass.inventory.commands.options import open_inventory
from windlass.present.commands import service
from windlass.present.options import Accounts, DryRun, Output, Quiet, Regions, Types
from windlass.present.output import Format, emit
from windlass.present.progress import ProgressLine

if TYPE_CHECKING:
    from windlass.inventory.model import Run, ScopeStatus
    from windlass.inventory.service import Inventory

__all__ = ["collect"]


def collect(
    ctx: typer.Context,
    types: Types = None,
    accounts: Accounts = None,
    regions: Regions = None,
    dry_run: DryRun = False,
    full: Annotated[
        bool, typer.Option("--full", help="Scan every scope, including empty ones that are not due yet.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the last interrupted collection.")] = False,
    output: Output = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Collect every account, region and type of the estate. Each change becomes a revision.

    Examples:
      windlass inventory collect --type s3.bucket --type 'sqs.*' -r us-east-1
      windlass inventory collect -a 111111111111 --dry-run
    """
    from windlass.inventory.collection_job import collect_as_job
    from windlass.inventory.rows import scope_row

    inventory = open_inventory(ctx)
    options = inventory.options(types=types or (), accounts=accounts or (), regions=regions or (), full=full)
    if dry_run:
        emit((scope_row(scope) for scope in inventory.plan(options)), output, ["account_id", "region", "type"])
        return
    jobs, stop = service(ctx, "jobs"), threading.Event()
    with ProgressLine("collecting", quiet=quiet) as line:
        run = collect_as_job(inventory, jobs, options, resume=resume, show=line.update, stop=stop)
    _report(inventory, run, output)


def _report(inventory: Inventory, run: Run, output: Format) -> None:
    from windlass.inventory.coverage import account_notes
    from windlass.inventory.rows import run_row

    if output is Format.TABLE:
        print(
            f"{run.status}: {run.resources:,} resources in {run.scopes_done:,} scopes; "
            f"{run.created:,} created, {run.updated:,} updated, {run.deleted:,} deleted; {run.calls:,} calls"
        )
    else:
        emit([run_row(run)], output, list(run_row(run)))
    for line in account_notes(account for account in inventory.accounts() if account.checked_at >= run.started_at):
        print(line, file=sys.stderr)
    _raise_unread(run, inventory.run_scopes(run.run_id))


def _raise_unread(run: Run, scopes: Sequence[ScopeStatus]) -> None:
    """Raise PartialFailure when scopes or details in them were not read, AccessDenied when every scope was denied."""
    from windlass.inventory.model import ScopeState

    unread = [scope for scope in scopes if scope.state not in (ScopeState.OK, ScopeState.UNSUPPORTED)]
    if not unread:
        return
    first = unread[0]
    message = (
        f"{len(unread):,} of {run.scopes_total:,} scopes could not be read completely; "
        f"the first: {first.scope.account_id} {first.scope.region} {first.scope.type}: {first.state} {first.error}"
    )
    hint = f"`windlass inventory runs {run.run_id}` lists them; their resources keep the last known values."
    if len(unread) == run.scopes_total and all(scope.state is ScopeState.DENIED for scope in unread):
        raise AccessDenied(message, hint="`windlass whoami` shows which identity is used, and why it is refused.")
    raise PartialFailure(message, hint=hint)
