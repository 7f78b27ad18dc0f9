"""`windlass replicate seed`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.present.commands import service
from windlass.present.confirmation import require_confirmation
from windlass.present.options import DryRun, Output, Quiet, Yes, pairs_of
from windlass.present.output import Format, emit
from windlass.replication.commands.options import (
    DeleteMarkers,
    Destination,
    Different,
    EnableVersioning,
    MaybeCompareBy,
    MethodOption,
    OperationOption,
    Prefix,
    Preserve,
    RestoreDays,
    SetName,
    Source,
    Strict,
    SwitchOn,
    TemplateFile,
    Versions,
    open_replication,
    plan_pairs,
    select_pairs,
)
from windlass.replication.model import Method, SeedState

if TYPE_CHECKING:
    from windlass.replication.planning.plan import PairPlan
    from windlass.replication.planning.request import SeedRequest
    from windlass.replication.seed.task import SeedTask
    from windlass.replication.service import PairSelection

__all__ = ["seed"]


def seed(
    ctx: typer.Context,
    source: Source = "",
    destination: Destination = "",
    set_name: SetName = "",
    method: MethodOption = Method.AUTO,
    operation: OperationOption = None,
    prefix: Prefix = "",
    switch_on: SwitchOn = None,
    enable_versioning: EnableVersioning = False,
    delete_markers: DeleteMarkers = None,
    versions: Versions = False,
    preserve: Preserve = "",
    template: TemplateFile = None,
    compare: MaybeCompareBy = None,
    different: Different = False,
    strict: Strict = False,
    restore: RestoreDays = 0,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Create the batch jobs, print their ids, and exit.")
    ] = False,
    include_in_sync: Annotated[
        bool, typer.Option("--include-in-sync", help="Include pairs that are already in sync.")
    ] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Let S3 count the tasks, and ask before they run.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare both sides at the end.")] = True,
    canary: Annotated[
        bool, typer.Option("--canary/--no-canary", help="Check with one object that replication works.")
    ] = True,
    retry: Annotated[
        str, typer.Option("--retry", metavar="REF", help="Copy again what failed in this seed or batch job.")
    ] = "",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Skip pairs that cannot be seeded.")] = False,
    priority: Annotated[
        int | None,
        typer.Option("--priority", metavar="NUMBER", min=0, help="Priority of batch jobs; a higher number runs first."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Tag of batch jobs. Repeat for more.")
    ] = None,
    manifest: Annotated[
        str, typer.Option("--manifest", metavar="S3URL", help="Keep manifests and reports below s3://BUCKET/PREFIX.")
    ] = "",
    function: Annotated[
        str, typer.Option("--function", metavar="ARN", help="The function that --operation lambda invokes.")
    ] = "",
    cluster: Annotated[str, typer.Option("--cluster", metavar="ID", help="EMR: run the step on this cluster.")] = "",
    application: Annotated[
        str, typer.Option("--application", metavar="ID", help="EMR Serverless: run a Spark job in this application.")
    ] = "",
    execution_role: Annotated[
        str, typer.Option("--execution-role", metavar="ARN", help="EMR Serverless: the role of the Spark job.")
    ] = "",
    transient: Annotated[
        bool, typer.Option("--transient", help="EMR: start a cluster that terminates after the step.")
    ] = False,
    distributed: Annotated[
        bool,
        typer.Option("--distributed", help="Direct: let other machines join with `windlass replicate worker`."),
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Copy the objects that existed before replication: preflight, switch on, compare, copy, verify, report.

    Examples:
      windlass replicate seed scans scans-copy --dry-run
      windlass replicate seed scans scans-copy --method direct --operation copy --yes
    """
    from windlass.replication.methods.emr.step import EmrTarget
    from windlass.replication.request import request_from

    request = request_from(
        open_replication(ctx),
        set_name,
        method=method,
        operation=operation,
        switch_on=switch_on,
        enable_versioning=enable_versioning,
        delete_markers=delete_markers,
        versions=versions,
        preserve=preserve,
        template=template,
        detach=detach,
        include_in_sync=include_in_sync,
        confirm=confirm,
        verify=verify,
        canary=canary,
        distributed=distributed,
        changed={"priority": priority, "tags": pairs_of(tag), "function": function, "work": manifest},
        compare=compare,
        different=different,
        strict=strict,
        restore_days=restore,
        target=EmrTarget(cluster=cluster, application=application, execution_role=execution_role, transient=transient),
    )
    start = _StartOptions(yes=yes, dry_run=dry_run, quiet=quiet, output=output)
    if retry:
        _retry(ctx, retry, request, start)
    else:
        selection = select_pairs(source, destination, set_name, prefix)
        _seed(ctx, selection, request, start, skip_bad=skip_bad)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StartOptions:
    """How a seed is confirmed and shown."""

    yes: bool
    dry_run: bool
    quiet: bool
    output: Format


def _retry(ctx: typer.Context, ref: str, request: SeedRequest, start: _StartOptions) -> None:
    """Copy the failed objects of earlier seeds again."""
    from windlass.replication.seed import job

    replication = open_replication(ctx)
    seeds = replication.select(ref)
    _confirm(f"copy the failed objects of {len(seeds)} seeds again", yes=start.yes, dry_run=start.dry_run)
    if not start.dry_run:
        job_id = job.retry(replication, service(ctx, "jobs"), seeds, request)
        _run(ctx, job_id, request, quiet=start.quiet, output=start.output)


def _seed(
    ctx: typer.Context, selection: PairSelection, request: SeedRequest, start: _StartOptions, *, skip_bad: bool
) -> None:
    """Plan the selected pairs; print the writes of a dry run, or run the seeds."""
    from windlass.replication.output import print_writes, raise_refused
    from windlass.replication.seed import job

    replication, set_name = open_replication(ctx), selection.set_name
    plans = plan_pairs(replication, selection, request, quiet=start.quiet)
    if skip_bad:
        plans = _without_refused(plans)
    if start.dry_run or _prints_only(plans, request):
        raise_refused(plans)
        print_writes(replication, plans, request, set_name, start.output)
        return
    _confirm(f"seed {len(plans)} pairs", yes=start.yes)
    job_id = job.begin(replication, service(ctx, "jobs"), plans, request, set_name=set_name)
    _run(ctx, job_id, request, quiet=start.quiet, output=start.output)


def _confirm(action: str, *, yes: bool, dry_run: bool = False) -> None:
    if dry_run:
        print(f"would {action}")
    else:
        require_confirmation(action, yes=yes, terminal_only=True)


def _without_refused(plans: Sequence[PairPlan]) -> tuple[PairPlan, ...]:
    for plan in plans:
        if plan.error is not None:
            print(f"windlass: skipped: {plan.error.message}", file=sys.stderr)
    return tuple(plan for plan in plans if plan.error is None)


def _prints_only(plans: Sequence[PairPlan], request: SeedRequest) -> bool:
    """True for EMR without a cluster or application: the command of the step is only printed."""
    emr = all(plan.choice and plan.choice.method is Method.EMR for plan in plans)
    return bool(plans) and not request.target.starts and emr


def _run(ctx: typer.Context, job_id: str, request: SeedRequest, *, quiet: bool, output: Format) -> None:
    from windlass.replication.progress import SeedProgress
    from windlass.replication.seed import job
    from windlass.replication.seed.runner import Callbacks

    ask = _ask if request.confirm and sys.stdin.isatty() else None
    with SeedProgress(quiet=quiet) as lines:
        seeds = job.run(open_replication(ctx), service(ctx, "jobs"), job_id, Callbacks(lines.show, ask))
    if request.detach:
        rows = [row for task in seeds for row in _batch_rows(task)]
        emit(rows, output, ("pair", "seed_id", "batch_job", "region"), empty="No batch job was needed.")
    for waiting in seeds:
        if waiting.state is SeedState.WAITING:
            command = f"windlass replicate resume {waiting.seed_id}"
            print(f"{waiting.pair.title}: {waiting.total:,} tasks await confirmation: {command}", file=sys.stderr)


def _batch_rows(seed: SeedTask) -> list[dict[str, object]]:
    return [
        {
            "pair": seed.pair.title,
            "seed_id": seed.seed_id,
            "batch_job": batch_job[2],
            "region": batch_job[1],
            "account_id": batch_job[0],
        }
        for batch_job in seed.jobs
    ]


def _ask(seed: SeedTask) -> bool:
    return typer.confirm(f"{seed.pair.title}: run {seed.total:,} tasks?", err=True)
