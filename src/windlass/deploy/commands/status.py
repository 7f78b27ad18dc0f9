"""`windlass deploy status`."""

from __future__ import annotations

import typer

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
)
from windlass.present.options import Duration, Limit, Output
from windlass.present.output import Format, emit

__all__ = ["status"]


def status(
    ctx: typer.Context,
    what: What,
    name: EntryName,
    bucket: Buckets = None,
    timeout: Timeout = Duration("60s"),
    memory: Memory = 512,
    arch: Arch = "",
    python: Python = "",
    concurrency: Concurrency = 0,
    kms_key: KmsKeys = None,
    via: ViaOption = "notification",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List the state of each resource: ok, missing, differs (from windlass.toml and these options), or made by others.

    Examples:
      windlass deploy status pipeline notes
      windlass deploy status aggregator refresh-scans --memory 1024 -o json
    """
    from windlass.deploy.plan import states
    from windlass.deploy.rows import state_row

    deploy = open_deploy(ctx)
    settings = function_settings(timeout, memory, platform_of(arch, python), concurrency, kms_key, via)
    current = deploy.read(deploy.stack(kind_of(what), name, settings=settings, buckets=bucket or ()))
    columns = ("resource", "kind", "name", "state", "details")
    emit((state_row(state) for state in states(current)), output, columns, limit=limit)
