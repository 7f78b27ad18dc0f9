"""`windlass deploy create`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from windlass.core.errors import UsageError
from windlass.deploy.commands.options import (
    Arch,
    Buckets,
    Concurrency,
    EntryName,
    KmsKeys,
    Memory,
    Python,
    Timeout,
    ViaOption,
    What,
    function_settings,
    kind_of,
    open_deploy,
    platform_of,
    print_effect,
    print_plan,
)
from windlass.present.options import DryRun, Duration, Output
from windlass.present.output import Format

__all__ = ["create"]


def create(
    ctx: typer.Context,
    what: What,
    name: EntryName,
    bucket: Buckets = None,
    zip_: Annotated[
        Path | None,
        typer.Option(
            "--zip",
            metavar="FILE",
            help="Zip from `windlass build lambda`; built with the current windlass.toml by default.",
        ),
    ] = None,
    extras: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="EXTRA", help="Add to the zip, as `windlass build lambda` does. Repeat for more."
        ),
    ] = None,
    add: Annotated[
        list[Path] | None,
        typer.Option("--add", metavar="PATH", help="Add a module or package that no entry names. Repeat for more."),
    ] = None,
    timeout: Timeout = Duration("60s"),
    memory: Memory = 512,
    arch: Arch = "",
    python: Python = "",
    concurrency: Concurrency = 0,
    kms_key: KmsKeys = None,
    via: ViaOption = "notification",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Create missing resources and update those that differ. A second run changes nothing.

    The function is invoked once, to check that it starts, before it receives events.

    Examples:
      windlass deploy create pipeline notes --dry-run
      windlass deploy create aggregator refresh-scans --memory 1024 --timeout 2m --dry-run -o json
    """
    from windlass.deploy.function_code import code_of

    deploy, kind, platform = open_deploy(ctx), kind_of(what), platform_of(arch, python)
    settings = function_settings(timeout, memory, platform, concurrency, kms_key, via)
    code = code_of(_read(zip_)) if zip_ else deploy.code(kind, name, platform, extras or (), added=add or ())
    stack = deploy.stack(kind, name, settings=settings, code=code, buckets=bucket or ())
    plan = deploy.plan_create(stack)
    print_plan(stack, plan, output)
    if dry_run:
        print("This is a dry run; nothing was changed.", file=sys.stderr)
    else:
        deploy.apply(stack, plan, print_effect)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="Build the zip with `windlass build lambda`."
        ) from None
