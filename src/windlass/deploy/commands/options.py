"""The options that the verbs of `windlass deploy` share, and the function that opens the service."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from windlass.core.errors import UsageError
from windlass.present.commands import service
from windlass.present.options import Duration
from windlass.present.output import Format, emit, emit_value

if TYPE_CHECKING:
    from windlass.deploy.bundle import Platform
    from windlass.deploy.effects import DeploymentEffect, DeploymentPlan
    from windlass.deploy.service import Deploy
    from windlass.deploy.stack import Stack, StackKind
    from windlass.deploy.stack_resources import FunctionSettings

__all__ = [
    "Arch",
    "Buckets",
    "Concurrency",
    "EntryName",
    "KmsKeys",
    "Memory",
    "Python",
    "Timeout",
    "ViaOption",
    "What",
    "function_settings",
    "kind_of",
    "open_deploy",
    "platform_of",
    "print_effect",
    "print_plan",
]

_MAX_TIMEOUT_S = 900  # Lambda's limit of a function's timeout
_EFFECT_COLUMNS = ("resource", "call", "what")

What = Annotated[Literal["pipeline", "aggregator"], typer.Argument(metavar="WHAT", help="pipeline or aggregator.")]
EntryName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the [[pipeline]] or [[aggregate]] entry.")]
Buckets = Annotated[
    list[str] | None,
    typer.Option(
        "--bucket",
        metavar="BUCKET",
        help="Aggregator: a bucket whose events are needed, if `buckets` of the entry is empty. Repeat for more.",
    ),
]
Timeout = Annotated[
    Duration,
    typer.Option(
        "--timeout",
        parser=Duration,
        metavar="DURATION",
        help="Time limit of one batch, at most 15m; the queue's visibility timeout is 6 times as long.",
    ),
]
Memory = Annotated[int, typer.Option("--memory", metavar="MB", min=128, max=10_240, help="Memory of the function.")]
Arch = Annotated[str, typer.Option("--arch", metavar="ARCH", help="arm64 or x86_64; this machine's by default.")]
Python = Annotated[str, typer.Option("--python", metavar="VERSION", help="Lambda's Python; this one by default.")]
Concurrency = Annotated[
    int,
    typer.Option(
        "--concurrency", metavar="COUNT", min=0, max=1000, help="Batches at once, at least 2; 0 sets no limit."
    ),
]
KmsKeys = Annotated[
    list[str] | None,
    typer.Option("--kms-key", metavar="ARN", help="Pipeline: a KMS key of source or target. Repeat for more."),
]
ViaOption = Annotated[
    Literal["notification", "eventbridge"],
    typer.Option(
        "--via",
        help="How events reach the queue: notification, or eventbridge where other consumers need the same events.",
    ),
]


def open_deploy(ctx: typer.Context) -> Deploy:
    """Open the service."""
    return cast("Deploy", service(ctx, "deploy"))


def kind_of(what: str) -> StackKind:
    """Return the kind of stack that the argument names."""
    from windlass.deploy.stack import StackKind

    return StackKind(what)


def platform_of(arch: str, python: str) -> Platform:
    """Return the function's platform, by default this machine's; UsageError when Lambda does not have it."""
    from windlass.deploy.bundle import VERSIONS, Platform
    from windlass.deploy.function_code import default_platform

    local = default_platform()
    platform = Platform(arch or local.arch, python or local.python)
    if platform.arch not in ("arm64", "x86_64"):
        raise UsageError(f"Lambda has no architecture {arch!r}", hint="Give arm64 or x86_64.")
    if platform.python not in VERSIONS:
        raise UsageError(
            f"Windlass does not run on Lambda's Python {python}", hint=f"Give one of {', '.join(VERSIONS)}."
        )
    return platform


def function_settings(
    timeout: Duration, memory: int, platform: Platform, concurrency: int, keys: list[str] | None, via: str
) -> FunctionSettings:
    """Return the function's settings; UsageError for a timeout or concurrency that Lambda does not allow."""
    from windlass.deploy.stack import EventRoute
    from windlass.deploy.stack_resources import FunctionSettings

    if not 1 <= timeout <= _MAX_TIMEOUT_S:
        raise UsageError(
            f"a function may run for 1 s to 15 min, not {timeout}", hint="Split the work, or run a worker."
        )
    if concurrency == 1:
        raise UsageError("Lambda's smallest concurrency of a queue is 2", hint="0 sets no limit.")
    runtime = f"python{platform.python}"
    settings = FunctionSettings(round(timeout), memory, platform.arch, runtime, concurrency, tuple(keys or ()))
    return replace(settings, via=EventRoute(via))


def print_plan(stack: Stack, plan: DeploymentPlan, output: Format) -> None:
    """Print the calls of a plan."""
    from windlass.deploy import rows

    if output is Format.JSON:
        emit_value(rows.plan_value(stack, plan))
    else:
        emit(rows.plan_rows(plan), output, _EFFECT_COLUMNS, empty="Nothing to do: everything is as configured.")


def print_effect(effect: DeploymentEffect) -> None:
    """Print a call that was made, on stderr."""
    from windlass.deploy.rows import effect_row

    print(f"windlass: {effect.resource}: {effect_row(effect)['call']}", file=sys.stderr)
