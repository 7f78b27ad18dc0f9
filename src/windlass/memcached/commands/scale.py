"""`windlass memcached scale`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from windlass.core.errors import UsageError
from windlass.memcached.commands.execution import execute
from windlass.memcached.commands.options import ClusterName, open_memcached, scope_filter
from windlass.present.options import Accounts, DryRun, Duration, Output, Regions, Watch, Yes, words_of
from windlass.present.output import Format

__all__ = ["scale"]


def scale(
    ctx: typer.Context,
    name: ClusterName,
    to: Annotated[int, typer.Option("--to", metavar="NODES", min=0, help="The new number of nodes.")],
    remove: Annotated[
        str,
        typer.Option(
            "--remove",
            metavar="IDS",
            help="Remove these nodes: 0007,0008 or 7,8. By default the newest, evenly over zones.",
        ),
    ] = "",
    zones: Annotated[
        str, typer.Option("--zones", metavar="A,B", help="Zones of new nodes; the cluster's own by default.")
    ] = "",
    step: Annotated[
        int,
        typer.Option("--step", metavar="NODES", min=0, help="Change this many nodes at a time; 0 changes all at once."),
    ] = 0,
    pause: Annotated[
        Duration,
        typer.Option(
            "--pause", parser=Duration, metavar="DURATION", help="Wait between steps, so that the cache warms up: 10m."
        ),
    ] = Duration("0s"),
    apply: Annotated[
        Literal["immediately", "maintenance"],
        typer.Option("--apply", help="Immediately, or in the next maintenance window."),
    ] = "immediately",
    account: Accounts = None,
    region: Regions = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    watch: Watch = False,
    output: Output = Format.TABLE,
) -> None:
    """Plan a new number of nodes, and make the change after confirmation. Several steps run as a resumable job.

    Examples:
      windlass memcached scale sessions --to 5 --dry-run
      windlass memcached scale sessions --to 5 --step 1 --pause 10m --dry-run -o json
    """
    from windlass.memcached.model import Apply
    from windlass.memcached.plan import ScaleRequest, node_ids

    if watch and apply == "maintenance":
        raise UsageError(
            "--watch cannot wait for a maintenance window", hint="`windlass memcached show` lists pending changes."
        )
    memcached = open_memcached(ctx)
    change = ScaleRequest(to, node_ids(words_of(remove)), words_of(zones), step, pause, Apply(apply))
    plan = memcached.plan_scale(memcached.find(name, scope_filter(account, region)), change)
    execute(ctx, plan, yes=yes, dry_run=dry_run, watch=watch, output=output)
