"""`windlass replicate …`: thin faces over the service. `commands` is handed what opens the parts."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from windlass.core import clock
from windlass.core.errors import EXIT_FINDINGS, PartialFailure, UsageError
from windlass.core.units import format_bytes, format_duration
from windlass.jobs.service import Jobs
from windlass.present.output import Column, Format, emit
from windlass.present.progress import ProgressLine
from windlass.replication import effects, rows, seeding
from windlass.replication.lines import Lines
from windlass.replication.model import Operation, Seed, State, Way
from windlass.replication.movers import emr
from windlass.replication.planning import PairPlan, Request
from windlass.replication.rounds import request_of
from windlass.replication.seeding import Hooks
from windlass.replication.service import Ask, Replication, latest
from windlass.replication.template import Template, load_template, print_template

__all__ = ["commands"]


class Language(StrEnum):
    """How a template is printed."""

    TOML = "toml"
    JSON = "json"


class Measure(StrEnum):
    """How a plan counts objects."""

    AUTO = "auto"
    LISTING = "listing"
    METRICS = "metrics"


Source = Annotated[str, typer.Argument(metavar="[SOURCE]", help="Source bucket, or s3://BUCKET/PREFIX.")]
Destination = Annotated[str, typer.Argument(metavar="[DEST]", help="Destination bucket.")]
SetName = Annotated[
    str, typer.Option("--set", "-s", metavar="NAME", help="A set of windlass.toml instead of one pair.")
]
Ref = Annotated[str, typer.Argument(metavar="REF", help="A seed, job, batch job, set or bucket.")]
MaybeRef = Annotated[
    str, typer.Argument(metavar="[REF]", help="A seed, job, batch job, set or bucket; all when left out.")
]
Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Via = Annotated[Way, typer.Option("--via", help="Who moves the objects; auto picks and says why.")]
Does = Annotated[
    Operation | None,
    typer.Option("--operation", help="True replicas, copies, or a function per object; replicas unless told."),
]
Prefix = Annotated[str, typer.Option("--prefix", help="Only keys that begin with this.")]
SwitchOn = Annotated[
    bool | None,
    typer.Option("--switch-on/--no-switch-on", help="Switch replication on first; for true replicas unless told."),
]
Versioning = Annotated[
    bool, typer.Option("--enable-versioning", help="Enable versioning on both buckets, where it is off.")
]
Markers = Annotated[bool, typer.Option("--delete-markers", help="Let the rule replicate delete markers, too.")]
Versions = Annotated[
    bool, typer.Option("--versions", help="Copies: noncurrent versions, too, in a job before the others.")
]
TemplateFile = Annotated[
    Path | None,
    typer.Option("--template", "-t", metavar="FILE", help="Job template, as `replicate template` prints it."),
]
Find = Annotated[bool, typer.Option("--find", help="Look in AWS for jobs that another machine made.")]

PLANNED = (
    "pair", Column("objects", right=True), Column("size", right=True), Column("missing", right=True), "way", "operation",
    Column("cost", right=True), Column("time", right=True), "why",
)  # fmt: skip
LISTED = (
    "seed_id", "pair", "state", "way", Column("progress", right=True), Column("total", right=True), Column("done", right=True),
    Column("failed", right=True), "detail", "created_at",
)  # fmt: skip
FOUND = ("pair", "level", "code", "where", "message", "advice")
REASONS = ("pair", "code", Column("count", right=True), "meaning", "advice", "keys")
VERIFIED = (
    "pair", "whole", Column("objects", right=True), Column("missing", right=True), Column("different", right=True),
    Column("extra", right=True), Column("unknown", right=True),
)  # fmt: skip
WRITES = ("call", "on", "account_id", "region", "why")


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
        ctx: typer.Context, source: Source = "", destination: Destination = "", set_name: SetName = "", via: Via = Way.AUTO,
        operation: Does = None, prefix: Prefix = "", switch_on: SwitchOn = None, enable_versioning: Versioning = False,
        measure: Annotated[
            Measure, typer.Option(help="Count by listing both sides, or take CloudWatch's figures; auto lists small buckets.")
        ] = Measure.AUTO,
        writes: Annotated[bool, typer.Option("--writes", help="Show every write of the seed instead.")] = False,
        template: TemplateFile = None, output: Output = Format.TABLE,
    ) -> None:  # fmt: skip
        """Show sizes, counts, what is missing, the way and why, its cost and time; nothing is written."""
        replication = open_replication(ctx)
        request = _request(
            replication, set_name, via=via, operation=operation, switch_on=switch_on, enable_versioning=enable_versioning,
            measure=str(measure), template=template,
        )  # fmt: skip
        ask = Ask(source=source, destination=destination, set_name=set_name, prefix=prefix)
        plans = _planned(replication, ask, request)
        if writes:
            _print_writes(replication, plans, request, set_name, output)
        else:
            _print_plan(plans, output)
        _raise_refused(plans)

    @app.command()
    def preflight(
        ctx: typer.Context, source: Source = "", destination: Destination = "", set_name: SetName = "", via: Via = Way.AUTO,
        operation: Does = None, prefix: Prefix = "", switch_on: SwitchOn = None, enable_versioning: Versioning = False,
        template: TemplateFile = None, output: Output = Format.TABLE,
    ) -> None:  # fmt: skip
        """Find what would make a seed fail, with the policy that mends it; exit 3 when something would."""
        replication = open_replication(ctx)
        request = _request(
            replication, set_name, via=via, operation=operation, switch_on=switch_on, enable_versioning=enable_versioning,
            measure="none", template=template,
        )  # fmt: skip
        ask = Ask(source=source, destination=destination, set_name=set_name, prefix=prefix)
        plans = _planned(replication, ask, request)
        found = [row for one in plans for row in _findings(one)]
        emit(found, output, FOUND if output is Format.TABLE else (*FOUND, "fix"), empty="Nothing stands in the way.")
        if output is Format.TABLE:
            for text in dict.fromkeys(row["fix"] for row in found if row["fix"]):
                print(f"\n{text}")
        if any(row["level"] == "error" for row in found):
            raise typer.Exit(EXIT_FINDINGS)

    @app.command()
    def seed(
        ctx: typer.Context, source: Source = "", destination: Destination = "", set_name: SetName = "", via: Via = Way.AUTO,
        operation: Does = None, prefix: Prefix = "", switch_on: SwitchOn = None, enable_versioning: Versioning = False,
        delete_markers: Markers = False, versions: Versions = False, template: TemplateFile = None,
        detach: Annotated[bool, typer.Option("--detach", "-d", help="Make the batch jobs, print their ids, and leave.")] = False,
        everything: Annotated[bool, typer.Option("--all", help="Seed pairs that lack nothing, too.")] = False,
        confirm: Annotated[bool, typer.Option("--confirm", help="Let S3 count the tasks, then ask before they run.")] = False,
        verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare both sides at the end.")] = True,
        canary: Annotated[bool, typer.Option("--canary/--no-canary", help="Prove by an object that replication is on.")] = True,
        failed_of: Annotated[
            str, typer.Option("--failed-of", metavar="REF", help="Do again what failed in this seed or batch job.")
        ] = "",
        skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave pairs out that can't be seeded.")] = False,
        priority: Annotated[int, typer.Option(min=-1, help="Priority of batch jobs; higher runs first.")] = -1,
        tag: Annotated[list[str] | None, typer.Option(help="key=value on batch jobs; repeat for more.")] = None,
        manifest: Annotated[str, typer.Option(metavar="S3-URL", help="Keep manifests and reports below s3://BUCKET/PREFIX.")] = "",
        function: Annotated[str, typer.Option(metavar="ARN", help="The function that --operation lambda invokes.")] = "",
        cluster: Annotated[str, typer.Option(help="EMR: run the step on this cluster.")] = "",
        application: Annotated[str, typer.Option(help="EMR Serverless: run a Spark job in this application.")] = "",
        execution_role: Annotated[str, typer.Option(metavar="ARN", help="EMR Serverless: the Spark job's role.")] = "",
        transient: Annotated[bool, typer.Option("--transient", help="EMR: start a cluster that ends with the step.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every write, and make none.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
        output: Output = Format.TABLE,
    ) -> None:  # fmt: skip
        """Bring over what was there before replication: preflight, switch on, list, copy, verify, report."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        changed = {
            "priority": priority if priority >= 0 else None,
            "tags": _tags(tag),
            "function": function,
            "work": manifest,
        }
        request = _request(
            replication, set_name, via=via, operation=operation, switch_on=switch_on, enable_versioning=enable_versioning,
            delete_markers=delete_markers, versions=versions, template=template, detach=detach, everything=everything,
            confirm=confirm, verify=verify, canary=canary, changed=changed,
            target=emr.Target(cluster=cluster, application=application, execution_role=execution_role, transient=transient),
        )  # fmt: skip
        if failed_of:
            job_id = seeding.retry(replication, jobs, _selected(replication, failed_of), request)
            _carry_out(replication, jobs, job_id, request, quiet=quiet, output=output)
            return
        plans = _planned(
            replication,
            Ask(source=source, destination=destination, set_name=set_name, prefix=prefix),
            request,
            quiet=quiet,
        )
        if skip_bad:
            for one in plans:
                if one.error is not None:
                    print(f"windlass: left out: {one.error.message}", file=sys.stderr)
            plans = tuple(one for one in plans if one.error is None)
        if dry_run or _only_printed(plans, request):
            _raise_refused(plans)
            _print_writes(replication, plans, request, set_name, output)
            return
        job_id = seeding.begin(replication, jobs, plans, request, set_name=set_name)
        _carry_out(replication, jobs, job_id, request, quiet=quiet, output=output)

    @app.command()
    def status(ctx: typer.Context, ref: MaybeRef = "", find: Find = False, output: Output = Format.TABLE) -> None:
        """Look how seeds stand, detached ones in AWS, too."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        seeds = _found(replication, ref, find=find)
        looked = seeding.follow(replication, seeding.unfinished(jobs, seeds), Hooks(), threading.Event(), once=True)
        fresh = {one.seed_id: one for one in looked}
        _print_seeds(replication, [fresh.get(one.seed_id, one) for one in seeds], output)

    @app.command()
    def watch(ctx: typer.Context, ref: MaybeRef = "", find: Find = False) -> None:
        """Follow seeds to their end, one live line each, and finish what was detached; exit 1 when objects failed."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        seeds = [one for one in _found(replication, ref, find=find) if ref or not one.state.ended]
        if not seeds:
            print("No seed is under way.", file=sys.stderr)
            return
        ours = seeding.unfinished(jobs, seeds)
        with Lines() as lines:
            done = (
                {one.seed_id: one for one in seeding.follow(replication, ours, Hooks(), threading.Event())}
                if ours
                else {}
            )
            ended = seeding.wait(replication, [done.get(one.seed_id, one) for one in seeds], lines.show)
        _raise_unwell(ended)

    @app.command()
    def report(
        ctx: typer.Context, ref: MaybeRef = "",
        failed: Annotated[
            Path | None, typer.Option("--failed", metavar="FILE", help="Write a manifest of what failed, to be retried.")
        ] = None,
        output: Output = Format.TABLE,
    ) -> None:  # fmt: skip
        """Show why objects failed, by reason, with what to do; exit 1 when some did."""
        replication = open_replication(ctx)
        seeds = _found(replication, ref)
        troubles = replication.troubles(seeds)
        found = [row for one in seeds for row in rows.trouble_rows(one, troubles.get(one.seed_id, []))]
        emit(found, output, REASONS, empty="No object failed.")
        if output is Format.TABLE:
            for one in seeds:
                if one.error:
                    print(f"{one.pair.title}: {one.error}", file=sys.stderr)
        if failed is not None:
            print(f"{failed}: {seeding.write_failed(replication, seeds, failed):,} rows", file=sys.stderr)
        _raise_unwell(seeds)

    @app.command()
    def verify(
        ctx: typer.Context, source: Source = "", destination: Destination = "", set_name: SetName = "", prefix: Prefix = "",
        output: Output = Format.TABLE,
    ) -> None:  # fmt: skip
        """Compare both sides of pairs; exit 1 when the destination lacks something, or has something else."""
        replication = open_replication(ctx)
        if source and not destination:
            pairs = [one.pair for one in _selected(replication, source)]
        else:
            pairs = list(
                replication.pairs(Ask(source=source, destination=destination, set_name=set_name, prefix=prefix))
            )
        found = []
        with ProgressLine("verifying") as shown:
            for number, pair in enumerate(pairs):
                shown.update(number, len(pairs), pair.title)
                found.append(rows.verify_row(pair.title, replication.verify(pair)))
        emit(found, output, VERIFIED)
        bad = [one for one in found if not one["whole"]]
        if output is Format.TABLE:
            for one in bad:
                for kind, keys in one["examples"].items():
                    print(f"{one['pair']}: {kind}: {', '.join(keys)}", file=sys.stderr)
        if bad:
            raise PartialFailure(
                f"{len(bad)} of {len(found)} pairs differ",
                hint="`windlass replicate seed` brings over what is missing.",
            )

    @app.command()
    def resume(
        ctx: typer.Context, ref: Ref, quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False
    ) -> None:
        """Go on with seeds that stopped or failed; confirm those that wait for it."""
        replication, jobs = open_replication(ctx), open_jobs(ctx)
        seeds = _selected(replication, ref)
        confirmed = seeding.confirm(replication, seeds)
        for one in confirmed:
            print(f"{one.pair.title}: confirmed, {one.total:,} tasks run", file=sys.stderr)
        job_ids = list(dict.fromkeys(one.job_id for one in seeds if one.job_id))
        with Lines(quiet=quiet) as lines:
            for job_id in job_ids:
                if jobs.get(job_id).status.resumable:
                    seeding.run(replication, jobs, job_id, Hooks(show=lines.show))
                elif not confirmed:
                    raise UsageError(
                        f"{job_id} is {jobs.get(job_id).status}: there is nothing to resume",
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
            ("set", "source", "destination", "via", "every", "last_started"),
            now=clock.now(),
            empty="No [[replicate]] sets.",
        )

    return app


def _carry_out(
    replication: Replication, jobs: Jobs, job_id: str, request: Request, *, quiet: bool, output: Format
) -> None:
    ask = _ask if request.confirm and sys.stdin.isatty() else None
    with Lines(quiet=quiet) as lines:
        seeds = seeding.run(replication, jobs, job_id, Hooks(lines.show, ask))
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


def _request(
    replication: Replication, set_name: str, *, template: Path | None, changed: dict[str, Any] | None = None, via: Way = Way.AUTO,
    operation: Operation | None = None, switch_on: bool | None = None, **more: Any,
) -> Request:  # fmt: skip
    """What the options ask for; a set's own settings where they say nothing."""
    base = request_of(replication.set_named(set_name)) if set_name else Request()
    chosen = load_template(template) if template else base.template
    known = {name: value for name, value in (changed or {}).items() if value}
    if "function" in known:
        chosen = chosen.model_copy(
            update={"invocation": chosen.invocation.model_copy(update={"function": known["function"]})}
        )
    if "work" in known:
        bucket, _, prefix = known["work"].removeprefix("s3://").partition("/")
        place = {"bucket": bucket} | ({"prefix": prefix} if prefix else {})
        chosen = chosen.model_copy(
            update={
                "manifest": chosen.manifest.model_copy(update=place),
                "report": chosen.report.model_copy(update=place),
            }
        )
    priority = (changed or {}).get("priority")
    plain = {"priority": replication.config.priority if priority is None and template is None else priority}
    plain = {name: value for name, value in plain.items() if value is not None}
    chosen = chosen.model_copy(update=plain | ({"tags": {**chosen.tags, **known["tags"]}} if "tags" in known else {}))
    wanted = operation or (chosen.operation if template else base.operation)
    if wanted is Operation.LAMBDA and not chosen.invocation.function:
        raise UsageError("--operation lambda needs a function", hint="Name it with --function ARN, or in the template.")
    return Request(
        **more, template=chosen, operation=wanted, via=via if via is not Way.AUTO else base.via,
        switch_on=base.switch_on if switch_on is None else switch_on,
    )  # fmt: skip


def _planned(replication: Replication, ask: Ask, request: Request, *, quiet: bool = False) -> tuple[PairPlan, ...]:
    pairs = replication.pairs(ask)
    with ProgressLine("planning", quiet=quiet) as shown:
        return replication.plan(pairs, request, tell=shown.update)


def _findings(plan: PairPlan) -> list[dict[str, Any]]:
    found = rows.finding_rows(plan.pair.title, plan.findings)
    if plan.error is not None and not any(row["level"] == "error" for row in found):
        row = {
            "pair": plan.pair.title,
            "level": "error",
            "code": plan.error.code,
            "where": "",
            "fix": "",
            "policy": None,
        }
        found.append(row | {"message": plan.error.message, "advice": plan.error.hint})
    return found


def _print_plan(plans: Sequence[PairPlan], output: Format) -> None:
    found = [rows.plan_row(one) for one in plans]
    if output is not Format.TABLE:
        emit(found, output, list(found[0]) if found else ())
        return
    listed = [*found, *([rows.plan_total(found)] if len(found) > 1 else [])]
    emit([_for_people(row) for row in listed], output, PLANNED)
    for row in found:
        for said in row["warnings"]:
            print(f"windlass: {said}", file=sys.stderr)


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    seconds, usd, size = row["seconds"], row["usd"], row["size_bytes"]
    return row | {
        "size": "" if size is None else format_bytes(size), "cost": "" if usd is None else f"${usd:,.2f}",
        "time": "" if not seconds else format_duration(seconds), "why": row["problem"] or row.get("why", ""),
    }  # fmt: skip


def _print_writes(
    replication: Replication, plans: Sequence[PairPlan], request: Request, set_name: str, output: Format
) -> None:
    found: list[dict[str, Any]] = []
    for one in plans:
        writes = effects.rows(replication.effects(one, request, set_name=set_name))
        found += [{"pair": one.pair.title, **row} for row in writes]
    emit(found, output, WRITES if len(plans) == 1 else ("pair", *WRITES), empty="Nothing would be written.")
    for one in plans:
        if one.choice is not None and one.choice.way is Way.EMR and not request.target.starts:
            print(emr.step_command(one.pair, encrypt=bool(one.facts and one.facts.destination.key)))


def _only_printed(plans: Sequence[PairPlan], request: Request) -> bool:
    """EMR without a place to run: the step is printed, for a person to add it."""
    return bool(plans) and not request.target.starts and all(one.choice and one.choice.way is Way.EMR for one in plans)


def _print_seeds(replication: Replication, seeds: Sequence[Seed], output: Format) -> None:
    troubles = replication.troubles(seeds)
    now = clock.now()
    found = [rows.seed_row(one, now, troubles.get(one.seed_id, ())) for one in seeds]
    emit(
        found,
        output,
        LISTED if output is Format.TABLE else list(found[0]) if found else LISTED,
        now=now,
        empty="No seeds yet.",
    )


def _found(replication: Replication, ref: str, *, find: bool = False) -> list[Seed]:
    if find:
        seeding.adopt(replication)
    return replication.select(ref) if ref else latest(replication.seeds(limit=10_000))


def _selected(replication: Replication, ref: str) -> list[Seed]:
    return replication.select(ref)


def _raise_refused(plans: Sequence[PairPlan]) -> None:
    bad = [one.error for one in plans if one.error is not None]
    if len(plans) == 1 and bad:
        raise bad[0]
    if bad:
        raise PartialFailure(f"{len(bad)} of {len(plans)} pairs can't be seeded: {bad[0].message}", hint=bad[0].hint)


def _raise_unwell(seeds: Sequence[Seed]) -> None:
    bad = [one for one in seeds if one.state in (State.FAILED, State.INCOMPLETE, State.CANCELLED)]
    if bad:
        raise PartialFailure(
            f"{len(bad)} of {len(seeds)} seeds are not complete",
            hint="`windlass replicate report` says why; `seed --failed-of` retries.",
        )


def _tags(given: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{text!r} is not a tag", hint="Write key=value.")
        found[key] = value
    return found
