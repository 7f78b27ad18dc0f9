"""`windlass memcached create`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.memcached.commands.execution import execute
from windlass.memcached.commands.options import ClusterName, open_memcached, scope_filter
from windlass.present.options import Accounts, DryRun, Output, Regions, Watch, Yes, pairs_of, words_of
from windlass.present.output import Format

__all__ = ["create"]


def create(
    ctx: typer.Context,
    name: ClusterName,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Number of nodes.")],
    node_type: Annotated[str, typer.Option("--node-type", metavar="TYPE", help="Such as cache.r7g.large.")],
    engine_version: Annotated[
        str, typer.Option("--engine-version", metavar="VERSION", help="Engine version; AWS's default otherwise.")
    ] = "",
    parameter_group: Annotated[
        str, typer.Option("--parameter-group", metavar="NAME", help="Cache parameter group.")
    ] = "",
    subnet_group: Annotated[str, typer.Option("--subnet-group", metavar="NAME", help="Cache subnet group.")] = "",
    security_group: Annotated[
        list[str] | None, typer.Option("--security-group", metavar="ID", help="Security group. Repeat for more.")
    ] = None,
    zones: Annotated[
        str, typer.Option("--zones", metavar="A,B", help="Availability zones; nodes are spread evenly over them.")
    ] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Tag. Repeat for more.")] = None,
    account: Accounts = None,
    region: Regions = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    watch: Watch = False,
    output: Output = Format.TABLE,
) -> None:
    """Plan a new cluster, and create it after confirmation.

    Examples:
      windlass memcached create carts --nodes 3 --node-type cache.r7g.large -r us-east-1 --dry-run
      windlass memcached create carts --nodes 3 --node-type cache.r7g.large -r us-east-1 --tag team=web --yes
    """
    from windlass.memcached.service import NewCluster

    memcached = open_memcached(ctx)
    cluster = NewCluster(
        name=name,
        nodes=nodes,
        node_type=node_type,
        version=engine_version,
        parameter_group=parameter_group,
        subnet_group=subnet_group,
        security_groups=tuple(security_group or ()),
        zones=words_of(zones),
        tags=tuple(pairs_of(tag).items()),
    )
    plan = memcached.plan_create(cluster, scope_filter(account, region))
    execute(ctx, plan, yes=yes, dry_run=dry_run, watch=watch, output=output)
