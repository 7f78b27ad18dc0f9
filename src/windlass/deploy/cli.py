"""`windlass deploy …`: thin faces over the service. `commands` is handed what opens it."""

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
from windlass.deploy.code import code_of, default_platform
from windlass.deploy.effects import Effect, Plan
from windlass.deploy.plan import states
from windlass.deploy.service import Deploy
from windlass.deploy.stacks import Kind, Stack, Via
from windlass.deploy.stacks_parts import FunctionSettings
from windlass.present.output import Format, emit, emit_value

__all__ = ["commands"]

What = Annotated[Kind, typer.Argument(metavar="WHAT", help="`pipeline` or `aggregator`.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the [[pipeline]] or [[aggregate]] entry.")]
Buckets = Annotated[
    list[str] | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="Aggregator: a bucket that sends its events, where `buckets` names none; repeat.",
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")]
Timeout = Annotated[str, typer.Option(help="How long one batch may take, at most 15m; queues wait six times as long.")]
Memory = Annotated[int, typer.Option(min=128, max=10_240, help="Memory of the function, in MB.")]
Arch = Annotated[str, typer.Option(help="arm64 or x86_64; this machine's unless given.")]
Python = Annotated[str, typer.Option(metavar="VERSION", help="Lambda's Python; this one unless given.")]
Concurrency = Annotated[int, typer.Option(min=0, max=1000, help="Batches at once, at least 2; 0 leaves it to Lambda.")]
Keys = Annotated[
    list[str] | None, typer.Option("--kms-key", metavar="ARN", help="Pipeline: a KMS key of source or target; repeat.")
]
How = Annotated[
    Via,
    typer.Option(
        "--via", help="How events reach the queue: `notification`, or `eventbridge`, where others want the same events."
    ),
]
Zip = Annotated[
    Path | None,
    typer.Option(
        "--zip",
        metavar="FILE",
        help="Code that `windlass build lambda` made; built with the windlass.toml in use unless given.",
    ),
]
Extras = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="EXTRA", help="Put more into the zip, as `windlass build lambda` does; repeat."),
]
Add = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PATH",
        help="More modules or packages of yours to put in; what entries name is found by itself. Repeat.",
    ),
]
EFFECTS = ("part", "call", "what")
PARTS = ("part", "kind", "name", "state", "details")


def commands(open_deploy: Callable[[typer.Context], Deploy], app: typer.Typer | None = None) -> typer.Typer:
    """The `deploy` group over whatever the composition root opens."""
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
        via: How = Via.NOTIFICATION,
        dry_run: DryRun = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Create what is missing and update what differs; run twice, the second changes nothing.

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
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
        force: Annotated[bool, typer.Option("--force", help="Delete queues with the messages in them, too.")] = False,
        dry_run: DryRun = False,
        output: Output = Format.TABLE,
    ) -> None:
        """Take away what `create` made, and nothing else: by tag, and of buckets' notifications only its own entries."""
        deploy = open_deploy(ctx)
        stack = deploy.stack(what, name, buckets=bucket or ())
        plan = deploy.plan_delete(stack, force=force)
        if plan.effects and not (yes or dry_run):
            _show(stack, plan, output)
            if not sys.stdin.isatty():
                raise UsageError(
                    "this deletes, and there is nobody to ask", hint="Add --yes, or --dry-run to look only."
                )
            typer.confirm("Delete these?", abort=True, err=True)
            deploy.carry_out(stack, plan, _tell)
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
        via: How = Via.NOTIFICATION,
        output: Output = Format.TABLE,
    ) -> None:
        """Show each part: ok, missing, differs from windlass.toml and these options, or somebody else's."""
        deploy = open_deploy(ctx)
        settings = replace(_settings(timeout, memory, _platform(arch, python), concurrency, kms_key), via=via)
        look = deploy.look(deploy.stack(what, name, settings=settings, buckets=bucket or ()))
        emit((rows.state_row(one) for one in states(look)), output, PARTS)

    def _finish(deploy: Deploy, stack: Stack, plan: Plan, *, dry_run: bool, output: Format) -> None:
        _show(stack, plan, output)
        if dry_run:
            print("A dry run; nothing was changed.", file=sys.stderr)
            return
        deploy.carry_out(stack, plan, _tell)

    return app


def _platform(arch: str, python: str) -> Platform:
    here = default_platform()
    platform = Platform(arch or here.arch, python or here.python)
    if platform.arch not in ("arm64", "x86_64"):
        raise UsageError(f"{arch!r} is no architecture of Lambda", hint="arm64 or x86_64.")
    if platform.python not in VERSIONS:
        raise UsageError(f"Lambda has no Python {python} that Windlass runs on", hint=f"One of {', '.join(VERSIONS)}.")
    return platform


def _settings(
    timeout: str, memory: int, platform: Platform, concurrency: int, keys: list[str] | None
) -> FunctionSettings:
    seconds = round(parse_duration_s(timeout))
    if not 1 <= seconds <= 900:
        raise UsageError(
            f"a function may run for 1 s to 15 min, not {timeout}", hint="Split the work, or run a worker."
        )
    if concurrency == 1:
        raise UsageError("Lambda's least concurrency of a queue is 2", hint="0 leaves it to Lambda.")
    runtime = f"python{platform.python}"
    return FunctionSettings(seconds, memory, platform.arch, runtime, concurrency, tuple(keys or ()))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} can't be read: {error.strerror}", hint="`windlass build lambda` makes the zip."
        ) from None


def _show(stack: Stack, plan: Plan, output: Format) -> None:
    if output is Format.JSON:
        emit_value(rows.plan_value(stack, plan))
    else:
        emit(rows.plan_rows(plan), output, EFFECTS, empty="Nothing to do: it is as it should be.")


def _tell(effect: Effect) -> None:
    print(f"windlass: {effect.part}: {rows.effect_row(effect)['call']}", file=sys.stderr)
