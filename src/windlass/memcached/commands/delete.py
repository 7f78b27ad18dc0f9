"""`windlass memcached delete`."""

from __future__ import annotations

import typer

from windlass.memcached.commands.execution import execute
from windlass.memcached.commands.options import ClusterName, open_memcached, scope_filter
from windlass.present.options import Accounts, DryRun, Output, Regions, Watch, Yes
from windlass.present.output import Format

__all__ = ["delete"]


def delete(
    ctx: typer.Context,
    name: ClusterName,
    account: Accounts = None,
    region: Regions = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    watch: Watch = False,
    output: Output = Format.TABLE,
) -> None:
    """Delete a cluster and everything in it, after confirmation.

    Examples:
      windlass memcached delete sessions --dry-run
      windlass memcached delete sessions -r us-east-1 --yes --watch
    """
    memcached = open_memcached(ctx)
    plan = memcached.plan_delete(memcached.find(name, scope_filter(account, region)))
    execute(ctx, plan, yes=yes, dry_run=dry_run, watch=watch, output=output)
