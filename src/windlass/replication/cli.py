"""`windlass replicate …`: thin faces over the service. `commands` is handed what opens the parts."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from windlass.core import clock
from windlass.core.errors import EXIT_FINDINGS, PartialFailure, UsageError
from windlass.jobs.service import Jobs
from windlass.present.output import Format, emit
from windlass.present.progress import ProgressLine
from windlass.replication import rows
from windlass.replication.commands import report, verify
from windlass.replication.comparison import Compare, Criteria
from windlass.replication.methods import emr
from windlass.replication.methods.batch.template import Template, print_template
from windlass.replication.model import Method, Operation, Seed, State
from windlass.replication.options import (
    Carried,
    CompareBy,
    Destination,
    Different,
    Does,
    Find,
    Language,
    Markers,
    MaybeCompareBy,
    MaybeRef,
    Measure,
    Output,
    Prefix,
    Ref,
    RestoreDays,
    SetName,
    Source,
    Strict,
    SwitchOn,
    TemplateFile,
    Versioning,
    Versions,
    Via,
    request_from,
    tags_from,
)
from windlass.replication.output import (
    FOUND,
    findings,
    print_plan,
    print_seeds,
    print_writes,
    raise_refused,
    raise_unwell,
)
from windlass.replication.planning.plan import PairPlan, Request
from windlass.replication.progress import SeedProgress
from windlass.replication.seed import job as seeding
from windlass.replication.seed.runner import Callbacks, confirm
from windlass.replication.service import PairSelection, Replication, latest

__all__ = ["commands"]


def commands(  # noqa: C901  one function per command, nested so that they share what opens the service
    open_replication: Callable[[typer.Context], Replication], open_jobs: Callable[[typer.Context], Jobs]
) -> typer.Typer:
    """The `replicate` group over whatever the composition root opens."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Seed the replicas of buckets, for one pair or two hundred, and prove them.",
    )

    @app.command()
    def plan(
        ctx: typer.Context,
        source: Source = "",
        destination: Destination = "",
        set_name: SetName = "",
        method: Via = Method.AUTO,
        operation: Does = None,
        prefix: Prefix = "",
        switch_on: SwitchOn = None,
        enable_versioning: Versioning = False,
        compare: MaybeCompareBy = None,
        measure: Annotated[
            Measure,
            typer.Option(help="Count by listing both sides, or take CloudWatch's figures; auto lists small buckets."),
        ] = Measure.AUTO,
        writes: Annotated[bool, typer.Option("--writes", help="Show every write of the seed instead.")] = False,
        template: TemplateFile = None,
        output: Output = Format.TABLE,
    ) -> None:
        """Show sizes, counts, what is missing, the way and why, its cost and time; nothing is written."""
        replication = open_replication(ctx)
        request = request_from(
            replication,
            set_name,
            method=method,
            operation=operation,
            switch_on=switch_on,
            enable_versioning=enable_versioning,
            measure=str(measure),
            template=template,
            compare=compare,
        )
        ask = PairSelection(source=source, destination=destination, set_name=set_name, prefix=prefix)
        plans = _planned(replication, ask, request)
        if writes:
            print_writes(replication, plans, request, set_name, output)
        else:
            print_plan(plans, output)
        raise_refused(plans)

    @app.command()
    def preflight(
        ctx: typer.Context,
        source: Source = "",
        destination: Destination = "",
        set_name: SetName = "",
        method: Via = Method.AUTO,
        operation: Does = None,
        prefix: Prefix = "",
        switch_on: SwitchOn = None,
        enable_versioning: Versioning = False,
        versions: Versions = False,
        preserve: Carried = "",
        template: TemplateFile = None,
        output: Output = Format.TABLE,
    ) -> None:
        """Find what would make a seed fail, with the policy that mends it; exit 3 when something would."""
        replication = open_replication(ctx)
        request = request_from(
            replication,
            set_name,
            method=method,
            operation=operation,
            switch_on=switch_on,
            enable_versioning=enable_versioning,
            measure="none",
            template=template,
            versions=versions,
            preserve=preserve,
        )
        ask = PairSelection(source=source, destination=destination, set_name=set_name, prefix=prefix)
        plans = _planned(replication, ask, request)
        found = [row for one in plans for row in findings(one)]
        emit(found, output, FOUND if output is Format.TABLE else (*FOUND, "fix"), empty="Nothing stands in the way.")
        if output is Format.TABLE:
            for text in dict.fromkeys(row["fix"] for row in found if row["fix"]):
                print(f"\n{text}")
        if any(row["level"] == "error" for row in found):
            raise typer.Exit(EXIT_FINDINGS)

    @app.command()
    def seed(
        ctx: typer.Context,
        source: Source = "",
        destination: Destination = "",
        set_name: SetName = "",
        method: Via = Method.AUTO,
        operation: Does = None,
        prefix: Prefix = "",
        switch_on: SwitchOn = None,
        enable_versioning: Versioning = False,
        delete_markers: Markers = None,
        versions: Versions = False,
        preserve: Carried = "",
        template: TemplateFile = None,
        compare: MaybeCompareBy = None,
        different: Different = False,
        strict: Strict = False,
        restore: RestoreDays = 0,
        detach: Annotated[
            bool, typer.Option("--detach", "-d", help="Make the batch jobs, print their ids, and leave.")
        ] = False,
        include_in_sync: Annotated[
            bool, typer.Option("--include-in-sync", help="Seed pairs that lack nothing, too.")
        ] = False,
        confirm: Annotated[
            bool, typer.Option("--confirm", help="Let S3 count the tasks, then ask before they run.")
        ] = False,
        verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare both sides at the end.")] = True,
        canary: Annotated[
            bool, typer.Option("--canary/--no-canary", help="Prove by an object that replication is on.")
        ] = True,
        retry: Annotated[
            str, typer.Option("--retry", metavar="REF", help="Do again what failed in this seed or batch job.")
        ] = "",
        skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave pairs out that can't be seeded.")] = False,
        priority: Annotated[int, typer.Option(min=-1, help="Priority of batch jobs; higher runs first.")] = -1,
        tag: Annotated[list[str] | None, typer.Option(help="key=value on batch jobs; repeat for more.")] = None,
        manifest: Annotated[
            str, typer.Option(metavar="S3-URL", help="Keep manifests and reports below s3://BUCKET/PREFIX.")
        ] = "",
        function: Annotated[
            str, typer.Option(metavar="ARN", help="The function that --operation lambda invokes.")
        ] = "",
        cluster: Annotated[str, typer.Option(help="EMR: run the step on this cluster.")] = "",
        application: Annotated[str, typer.Option(help="EMR Serverless: run a Spark job in this application.")] = "",
        execution_role: Annotated[str, typer.Option(metavar="ARN", help="EMR Serverless: the Spark job's role.")] = "",
        transient: Annotated[
            bool, typer.Option("--transient", help="EMR: start a cluster that ends with the step.")
        ] = False,
        distributed: Annotated[
            bool,
            typer.Option(
                "--distributed", help="Direct: let workers on other machines join (`windlass replicate worker`)."
            ),
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every write, and make none.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Bring over what was there before replication: preflight, switch on, list, copy, verify, report."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        changed = {
            "priority": priority if priority >= 0 else None,
            "tags": tags_from(tag),
            "function": function,
            "work": manifest,
        }
        request = request_from(
            replication,
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
            changed=changed,
            compare=compare,
            different=different,
            strict=strict,
            restore_days=restore,
            target=emr.EmrTarget(
                cluster=cluster, application=application, execution_role=execution_role, transient=transient
            ),
        )
        if retry:
            job_id = seeding.retry(replication, jobs, _selected(replication, retry), request)
            _carry_out(replication, jobs, job_id, request, quiet=quiet, output=output)
            return
        plans = _planned(
            replication,
            PairSelection(source=source, destination=destination, set_name=set_name, prefix=prefix),
            request,
            quiet=quiet,
        )
        if skip_bad:
            for one in plans:
                if one.error is not None:
                    print(f"windlass: left out: {one.error.message}", file=sys.stderr)
            plans = tuple(one for one in plans if one.error is None)
        if dry_run or _only_printed(plans, request):
            raise_refused(plans)
            print_writes(replication, plans, request, set_name, output)
            return
        job_id = seeding.begin(replication, jobs, plans, request, set_name=set_name)
        _carry_out(replication, jobs, job_id, request, quiet=quiet, output=output)

    @app.command()
    def worker(
        ctx: typer.Context,
        seed_id: Annotated[
            str, typer.Argument(metavar="SEED", help="The distributed seed's id, as `status` shows it.")
        ],
        source: Annotated[str, typer.Argument(metavar="SOURCE", help="Its source, as it was given there.")],
        destination: Annotated[str, typer.Argument(metavar="DEST", help="Its destination.")],
        prefix: Prefix = "",
        compare: CompareBy = Compare.ETAG,
        different: Different = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Join a direct seed that another machine shares, until it is done; exit 1 when objects failed."""
        replication = open_replication(ctx)
        (pair,) = replication.pairs(PairSelection(source=source, destination=destination, prefix=prefix))
        with ProgressLine(f"{pair.title}", quiet=quiet) as line:
            moved = replication.work(
                pair, seed_id, lambda now: line.update(now.copied, now.total), Criteria(compare, different)
            )
        row = rows.progress_row(moved)
        emit([row], output, tuple(row))
        if moved.failed:
            raise PartialFailure(f"{moved.failed:,} objects failed", hint="`windlass replicate report` there says why.")

    @app.command()
    def status(ctx: typer.Context, ref: MaybeRef = "", find: Find = False, output: Output = Format.TABLE) -> None:
        """Look how seeds stand, detached ones in AWS, too."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        seeds = _found(replication, ref, find=find)
        looked = seeding.follow(
            replication,
            seeding.unfinished(jobs, seeds),
            Callbacks(),
            threading.Event(),
            requests=seeding.requests_of(jobs, verify=False),
            wait=False,
        )
        fresh = {one.seed_id: one for one in looked}
        print_seeds(replication, [fresh.get(one.seed_id, one) for one in seeds], output)

    @app.command()
    def watch(ctx: typer.Context, ref: MaybeRef = "", find: Find = False) -> None:
        """Follow seeds to their end, one live line each, and finish what was detached; exit 1 when objects failed."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        seeds = [one for one in _found(replication, ref, find=find) if ref or not one.state.ended]
        if not seeds:
            print("No seed is under way.", file=sys.stderr)
            return
        ours = seeding.unfinished(jobs, seeds)
        with SeedProgress() as lines:
            if ours:
                followed = seeding.follow(
                    replication, ours, Callbacks(lines.show), threading.Event(), requests=seeding.requests_of(jobs)
                )
                fresh = {one.seed_id: one for one in followed}
                seeds = [fresh.get(one.seed_id, one) for one in seeds]
            ended = seeding.wait(replication, jobs, seeds, lines.show)
        raise_unwell(ended)

    @app.command()
    def resume(
        ctx: typer.Context, ref: Ref, quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False
    ) -> None:
        """Go on with seeds that stopped or failed; confirm those that wait for it."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        seeds = _selected(replication, ref)
        confirmed = confirm(replication, seeds)
        for one in confirmed:
            print(f"{one.pair.title}: confirmed, {one.total:,} tasks run", file=sys.stderr)
        job_ids = list(dict.fromkeys(one.job_id for one in seeds if one.job_id))
        with SeedProgress(quiet=quiet) as lines:
            for job_id in job_ids:
                job = jobs.get(job_id)
                if job.status.resumable:
                    seeding.run(replication, jobs, job_id, Callbacks(show=lines.show))
                elif not confirmed:
                    where = f" on {job.holder}" if not job.status.ended else ""
                    raise UsageError(
                        f"{job_id} is {job.status}{where}: there is nothing to resume",
                        hint="`windlass replicate watch` follows it.",
                    )

    @app.command()
    def cancel(ctx: typer.Context, ref: Ref) -> None:
        """Stop seeds: their batch jobs in AWS and their work here. What is copied stays."""
        replication = open_replication(ctx)
        for said in seeding.cancel(replication, open_jobs(ctx), _selected(replication, ref)):
            print(said)

    @app.command()
    def template(
        operation: Annotated[Operation, typer.Option(help="For which operation.")] = Operation.REPLICATE,
        output: Annotated[Language, typer.Option("--output", "-o", help="toml or json.")] = Language.TOML,
    ) -> None:
        """Print a batch job's template, every key with its meaning; edit it and pass it with --template."""
        print(print_template(Template(operation=operation), as_json=output is Language.JSON), end="")

    @app.command()
    def sets(ctx: typer.Context, output: Output = Format.TABLE) -> None:
        """List the sets of windlass.toml and when each was last begun."""
        replication = open_replication(ctx)
        listed = [rows.set_row(one, replication.last_started(one.name)) for one in replication.sets]
        emit(
            listed,
            output,
            ("set", "source", "destination", "method", "interval", "last_started"),
            now=clock.now(),
            empty="No [[replicate]] sets.",
        )

    report.register(app, open_replication)
    verify.register(app, open_replication)
    return app


def _carry_out(
    replication: Replication, jobs: Jobs, job_id: str, request: Request, *, quiet: bool, output: Format
) -> None:
    ask = _ask if request.confirm and sys.stdin.isatty() else None
    with SeedProgress(quiet=quiet) as lines:
        seeds = seeding.run(replication, jobs, job_id, Callbacks(lines.show, ask))
    if request.detach:
        made = [
            {
                "pair": one.pair.title,
                "seed_id": one.seed_id,
                "batch_job": job[2],
                "region": job[1],
                "account_id": job[0],
            }
            for one in seeds
            for job in one.jobs
        ]
        emit(made, output, ("pair", "seed_id", "batch_job", "region"), empty="No batch job was needed.")
    waiting = [one for one in seeds if one.state is State.WAITING]
    for one in waiting:
        print(f"{one.pair.title}: {one.total:,} tasks wait: windlass replicate resume {one.seed_id}", file=sys.stderr)


def _ask(seed: Seed) -> bool:
    return typer.confirm(f"{seed.pair.title}: run {seed.total:,} tasks?", err=True)


def _planned(
    replication: Replication, ask: PairSelection, request: Request, *, quiet: bool = False
) -> tuple[PairPlan, ...]:
    pairs = replication.pairs(ask)
    with ProgressLine("planning", quiet=quiet) as shown:
        return replication.plan(pairs, request, tell=shown.update)


def _only_printed(plans: Sequence[PairPlan], request: Request) -> bool:
    """EMR without a place to run: the step is printed, for a person to add it."""
    return (
        bool(plans)
        and not request.target.starts
        and all(one.choice and one.choice.method is Method.EMR for one in plans)
    )


def _found(replication: Replication, ref: str, *, find: bool = False) -> list[Seed]:
    if find:
        seeding.adopt(replication)
    return replication.select(ref) if ref else latest(replication.seeds(limit=10_000))


def _selected(replication: Replication, ref: str) -> list[Seed]:
    return replication.select(ref)
