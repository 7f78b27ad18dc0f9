"""`windlass deploy …`: commands over the service. `commands` receives the function that opens it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from windlass.core.errors import UsageError
from windlass.core.units import parse_duration_s
from windlass.deploy import rows
from windlass.deploy.bundle import VERSIONS, Platform
from windlass.deploy.effects import DeploymentEffect, DeploymentPlan
from windlass.deploy.function_code import code_of, default_platform
from windlass.deploy.plan import states
from windlass.deploy.service import Deploy
from windlass.deploy.stack import EventRoute, Stack, StackKind
from windlass.deploy.stack_resources import FunctionSettings
from windlass.present.output import Format, emit, emit_value

__all__ = ["commands"]

What = Annotated[StackKind, typer.Argument(metavar="WHAT", help="`pipeline` or `aggregator`.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the [[pipeline]] or [[aggregate]] entry.")]
Buckets = Annotated[
    list[str] | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="Aggregator: a bucket that sends events, if `buckets` names none. Repeat for several.",
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")]
Timeout = Annotated[
    str, typer.Option(help="Timeout of one batch, at most 15m. The queue's visibility is six times as long.")
]
Memory = Annotated[int, typer.Option(min=128, max=10_240, help="Memory of the function, in MB.")]
Arch = Annotated[str, typer.Option(help="arm64 or x86_64; this machine's by default.")]
Python = Annotated[str, typer.Option(metavar="VERSION", help="Python version in Lambda; this one by default.")]
Concurrency = Annotated[
    int, typer.Option(min=0, max=1000, help="Batches at the same time, at least 2; 0 lets Lambda decide.")
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--kms-key", metavar="ARN", help="Pipeline: a KMS key of the source or target. Repeat for several."),
]
How = Annotated[
    EventRoute,
    typer.Option(
        "--via", help="Route of events to the queue: `notification`, or `eventbridge` when others need the same events."
    ),
]
Zip = Annotated[
    Path | None,
    typer.Option(
        "--zip",
        metavar="FILE",
        help="Zip from `windlass build lambda`; by default it is built from the windlass.toml in use.",
    ),
]
Extras = Annotated[
    list[str] | None,
    typer.Option(
        "--with", metavar="EXTRA", help="Extra to add to the zip, as in `windlass build lambda`. Repeat for several."
    ),
]
Add = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PATH",
        help="Module or package to add. Those that entries name are found automatically. Repeat for several.",
    ),
]
EFFECTS = ("resource", "call", "what")
RESOURCES = ("resource", "kind", "name", "state", "details")


def commands(open_deploy: Callable[[typer.Context], Deploy], app: typer.Typer | None = None) -> typer.Typer:
    """Return the `deploy` group of commands."""
    app = app or typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Run pipelines and aggregators of windlass.toml in AWS Lambda.",
    )

    @app.command()
    def create(
        ctx: typer.Context,
        what: What,
        name: Name,
        bucket: Buckets = None,
        zip_: Zip = None,
        extras: Extras = None,
        add: Add = None,
        timeout: Timeout = "60s",
        memory: Memory = 512,
        arch: Arch = "",
        python: Python = "",
        concurrency: Concurrency = 0,
        kms_key: Keys = None,
        via: How = EventRoute.NOTIFICATION,
        dry_run: DryRun = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Create missing resources and update those that differ. A second run changes nothing.

        The function is called once, to see that it starts, before any event reaches it. Examples:
        `windlass deploy create pipeline uniform --dry-run`, `windlass deploy create aggregator shares --memory 1024`.
        """
        deploy = open_deploy(ctx)
        platform = _platform(arch, python)
        settings = replace(_settings(timeout, memory, platform, concurrency, kms_key), via=via)
        code = code_of(_read(zip_)) if zip_ else deploy.code(what, name, platform, extras or (), added=add or ())
        stack = deploy.stack(what, name, settings=settings, code=code, buckets=bucket or ())
        _finish(deploy, stack, deploy.plan_create(stack), dry_run=dry_run, output=output)

    @app.command()
    def delete(
        ctx: typer.Context,
        what: What,
        name: Name,
        bucket: Buckets = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
        force: Annotated[bool, typer.Option("--force", help="Also delete queues that hold messages.")] = False,
        dry_run: DryRun = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Delete what `create` made, recognised by tag; in a bucket's notifications only its own entries."""
        deploy = open_deploy(ctx)
        stack = deploy.stack(what, name, buckets=bucket or ())
        plan = deploy.plan_delete(stack, force=force)
        if plan.effects and not (yes or dry_run):
            _show(stack, plan, output)
            if not sys.stdin.isatty():
                raise UsageError(
                    "this command deletes resources and cannot ask for confirmation",
                    hint="Add --yes to confirm, or --dry-run to see the plan.",
                )
            typer.confirm("Delete these?", abort=True, err=True)
            deploy.apply(stack, plan, _tell)
            return
        _finish(deploy, stack, plan, dry_run=dry_run, output=output)

    @app.command()
    def status(
        ctx: typer.Context,
        what: What,
        name: Name,
        bucket: Buckets = None,
        timeout: Timeout = "60s",
        memory: Memory = 512,
        arch: Arch = "",
        python: Python = "",
        concurrency: Concurrency = 0,
        kms_key: Keys = None,
        via: How = EventRoute.NOTIFICATION,
        output: Output = Format.TABLE,
    ) -> None:
        """Show each resource: ok, missing, differs from windlass.toml and these options, or made by others."""
        deploy = open_deploy(ctx)
        settings = replace(_settings(timeout, memory, _platform(arch, python), concurrency, kms_key), via=via)
        look = deploy.read(deploy.stack(what, name, settings=settings, buckets=bucket or ()))
        emit((rows.state_row(one) for one in states(look)), output, RESOURCES)

    def _finish(deploy: Deploy, stack: Stack, plan: DeploymentPlan, *, dry_run: bool, output: Format) -> None:
        _show(stack, plan, output)
        if dry_run:
            print("Dry run: nothing was changed.", file=sys.stderr)
            return
        deploy.apply(stack, plan, _tell)

    return app


def _platform(arch: str, python: str) -> Platform:
    here = default_platform()
    platform = Platform(arch or here.arch, python or here.python)
    if platform.arch not in ("arm64", "x86_64"):
        raise UsageError(f"Lambda has no architecture {arch!r}", hint="Use arm64 or x86_64.")
    if platform.python not in VERSIONS:
        raise UsageError(
            f"Windlass does not run on Python {python} in Lambda", hint=f"Use one of {', '.join(VERSIONS)}."
        )
    return platform


def _settings(
    timeout: str, memory: int, platform: Platform, concurrency: int, keys: list[str] | None
) -> FunctionSettings:
    seconds = round(parse_duration_s(timeout))
    if not 1 <= seconds <= 900:
        raise UsageError(
            f"the timeout {timeout} is not between 1 s and 15 min",
            hint="Use at most 15m. For longer work, run a worker.",
        )
    if concurrency == 1:
        raise UsageError("the concurrency of a queue must be at least 2", hint="Use 0 to let Lambda decide.")
    runtime = f"python{platform.python}"
    return FunctionSettings(seconds, memory, platform.arch, runtime, concurrency, tuple(keys or ()))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="Build the zip with `windlass build lambda`."
        ) from None


def _show(stack: Stack, plan: DeploymentPlan, output: Format) -> None:
    if output is Format.JSON:
        emit_value(rows.plan_value(stack, plan))
    else:
        emit(rows.plan_rows(plan), output, EFFECTS, empty="Nothing to do: every resource is as desired.")


def _tell(effect: DeploymentEffect) -> None:
    print(f"windlass: {effect.resource}: {rows.effect_row(effect)['call']}", file=sys.stderr)
