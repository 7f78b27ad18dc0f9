"""`windlass memcached …`: thin faces over the service. `commands` is handed what opens the parts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from windlass.core import clock
from windlass.core.errors import PartialFailure, UsageError
from windlass.core.units import parse_duration_s
from windlass.jobs.service import Jobs
from windlass.memcached import rows
from windlass.memcached.change_job import run_plan
from windlass.memcached.model import Apply
from windlass.memcached.plan import ClusterPlan, PlanAction, ScaleRequest, node_ids
from windlass.memcached.report import plan_text
from windlass.memcached.service import Memcached, NewCluster, TargetFilter
from windlass.present.output import Column, Format, emit, emit_value
from windlass.present.progress import ProgressLine

__all__ = ["commands"]

Name = Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's name.")]
Accounts = Annotated[list[str] | None, typer.Option("--account", "-a", help="Only this account; repeat for more.")]
Regions = Annotated[list[str] | None, typer.Option("--region", "-r", help="Only this region; repeat for more.")]
Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without this only the plan is printed.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow until every node is available.")]

LISTED = (
    "name",
    "account_id",
    "region",
    "status",
    Column("nodes", right=True),
    Column("quota", right=True),
    "node_type",
    "version",
    "zones",
    "endpoint",
    "pending",
)
MEMBERS = ("node_id", "status", "zone", "endpoint", Column("key_share", right=True), "created_at")
COUNTERS = (
    "node_id",
    "zone",
    "endpoint",
    Column("hit_rate", right=True),
    Column("gets", right=True),
    Column("evictions", right=True),
    Column("items", right=True),
    Column("used_bytes", right=True),
    Column("limit_bytes", right=True),
    Column("connections", right=True),
    "version",
    "error",
)


def commands(  # noqa: C901  one function per command, nested so that they share what opens the service
    open_memcached: Callable[[typer.Context], Memcached], open_jobs: Callable[[typer.Context], Jobs]
) -> typer.Typer:
    """The `memcached` group over whatever the composition root opens."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="See, plan and scale ElastiCache Memcached clusters, past 20 nodes.",
    )

    @app.command("list")
    def list_(
        ctx: typer.Context, account: Accounts = None, region: Regions = None, output: Output = Format.TABLE
    ) -> None:
        """List clusters over all accounts and regions, with the quota in force beside their nodes."""
        found = open_memcached(ctx).list(_place(account, region))
        quotas = found.quotas
        listed = (rows.cluster_row(one, quotas.get((one.account_id, one.region))) for one in found.clusters)
        emit(listed, output, LISTED, now=clock.now(), empty="No Memcached clusters.")
        for failure in found.failures:
            print(f"windlass: {failure.region} of {failure.account_id}: {failure.error.message}", file=sys.stderr)
        if found.failures:
            raise PartialFailure(f"{len(found.failures)} places could not be read", hint="`windlass doctor` tells why.")

    @app.command()
    def show(
        ctx: typer.Context, name: Name, account: Accounts = None, region: Regions = None, output: Output = Format.TABLE
    ) -> None:
        """Show one cluster: nodes, zones, endpoints, pending changes, quotas."""
        memcached = open_memcached(ctx)
        cluster = memcached.find(name, _place(account, region))
        value = rows.cluster_value(cluster, memcached.quota(cluster.account_id, cluster.region))
        if output in (Format.JSON, Format.JSONL):
            emit_value(value)
            return
        emit([value], output, LISTED, now=clock.now())
        print()
        emit(value["members"], output, MEMBERS, now=clock.now())

    @app.command()
    def create(
        ctx: typer.Context,
        name: Name,
        nodes: Annotated[int, typer.Option(min=1, help="How many nodes.")],
        node_type: Annotated[str, typer.Option(help="Node type, such as cache.r7g.large.")],
        engine_version: Annotated[str, typer.Option(help="Engine version; AWS's default otherwise.")] = "",
        parameter_group: Annotated[str, typer.Option(help="Cache parameter group.")] = "",
        subnet_group: Annotated[str, typer.Option(help="Cache subnet group.")] = "",
        security_group: Annotated[list[str] | None, typer.Option(help="Security group id; repeat for more.")] = None,
        zones: Annotated[
            str, typer.Option(help="Availability zones, with commas; nodes are spread evenly over them.")
        ] = "",
        tag: Annotated[list[str] | None, typer.Option(help="key=value; repeat for more.")] = None,
        account: Accounts = None,
        region: Regions = None,
        yes: Yes = False,
        watch: Watch = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Plan a new cluster; with --yes create it."""
        memcached = open_memcached(ctx)
        wanted = NewCluster(
            name=name,
            nodes=nodes,
            node_type=node_type,
            version=engine_version,
            parameter_group=parameter_group,
            subnet_group=subnet_group,
            security_groups=tuple(security_group or ()),
            zones=_words(zones),
            tags=tuple(_tag(one) for one in tag or ()),
        )
        _finish(ctx, memcached.plan_create(wanted, _place(account, region)), yes=yes, watch=watch, output=output)

    @app.command()
    def scale(
        ctx: typer.Context,
        name: Name,
        to: Annotated[int, typer.Option("--to", min=0, help="How many nodes it should have.")],
        remove: Annotated[
            str,
            typer.Option(
                help="The nodes to remove: '0007 0008' or 7,8. Chosen evenly over zones, newest first, otherwise."
            ),
        ] = "",
        zones: Annotated[str, typer.Option(help="Zones for new nodes, with commas; the cluster's own otherwise.")] = "",
        step: Annotated[int, typer.Option(min=0, help="Change this many nodes at a time; 0 for all at once.")] = 0,
        pause: Annotated[
            str, typer.Option(help="Wait this long between steps, such as 10m, so that the cache warms up.")
        ] = "0",
        apply: Annotated[Apply, typer.Option(help="At once, or in the next maintenance window.")] = Apply.IMMEDIATELY,
        account: Accounts = None,
        region: Regions = None,
        yes: Yes = False,
        watch: Watch = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Plan a change of the number of nodes; with --yes make it. Several steps run as a job that can be resumed."""
        if watch and apply is Apply.MAINTENANCE:
            raise UsageError(
                "--watch can't wait for a maintenance window", hint="`windlass memcached show` tells what is pending."
            )
        memcached = open_memcached(ctx)
        wanted = ScaleRequest(to, node_ids(_words(remove)), _words(zones), step, parse_duration_s(pause), apply)
        plan = memcached.plan_scale(memcached.find(name, _place(account, region)), wanted)
        _finish(ctx, plan, yes=yes, watch=watch, output=output)

    @app.command()
    def delete(
        ctx: typer.Context,
        name: Name,
        account: Accounts = None,
        region: Regions = None,
        yes: Yes = False,
        watch: Watch = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Plan the end of a cluster; with --yes delete it and all it holds."""
        memcached = open_memcached(ctx)
        plan = memcached.plan_delete(memcached.find(name, _place(account, region)))
        _finish(ctx, plan, yes=yes, watch=watch, output=output)

    @app.command()
    def nodes(
        ctx: typer.Context, name: Name, account: Accounts = None, region: Regions = None, output: Output = Format.TABLE
    ) -> None:
        """Ask the configuration endpoint who is there, and each node for its hit rate, evictions, memory, connections."""
        memcached = open_memcached(ctx)
        found = memcached.nodes(memcached.find(name, _place(account, region)))
        value = rows.nodes_value(found)
        if output is Format.JSON:
            emit_value(value)
        else:
            emit(value["nodes"], output, COUNTERS, empty="The configuration has no nodes.")
        if output is Format.TABLE:
            rate = (
                "no gets yet"
                if value["hit_rate"] is None
                else f"hit rate {value['hit_rate']:.1%} of {value['gets']:,} gets"
            )
            print(f"{name}: configuration {value['config_version']}, {rate}", file=sys.stderr)
        silent = sum(bool(one.error) for one in found.stats)
        if silent:
            raise PartialFailure(
                f"{silent} of {len(found.stats)} nodes did not answer", hint="The column `error` says why."
            )

    def _finish(ctx: typer.Context, plan: ClusterPlan, *, yes: bool, watch: bool, output: Format) -> None:
        if output is Format.TABLE:
            print(plan_text(plan))
        else:
            emit_value(rows.plan_value(plan))
        if plan.refusal is not None:
            raise plan.refusal
        if plan.action is PlanAction.NOTHING:
            return
        if not yes:
            print("\nThis is a plan; nothing was changed. Add --yes to carry it out.", file=sys.stderr)
            return
        with ProgressLine(f"{plan.action} {plan.name}") as line:
            job_id = run_plan(open_memcached(ctx), open_jobs(ctx), plan, watch=watch, show=line.update)
        job = open_jobs(ctx).get(job_id)
        print(f"{job_id}: {job.status}, {job.detail}", file=sys.stderr)

    return app


def _place(accounts: list[str] | None, regions: list[str] | None) -> TargetFilter:
    return TargetFilter(tuple(accounts or ()), tuple(regions or ()))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"{text!r} is not a tag", hint="Write key=value.")
    return key, value
