"""`windlass replicate preflight`."""

from __future__ import annotations

import typer

from windlass.core.errors import EXIT_FINDINGS
from windlass.present.options import Limit, Output
from windlass.present.output import Format
from windlass.replication.commands.options import (
    Destination,
    EnableVersioning,
    MethodOption,
    OperationOption,
    Prefix,
    Preserve,
    SetName,
    Source,
    SwitchOn,
    TemplateFile,
    Versions,
    open_replication,
    plan_pairs,
    select_pairs,
)
from windlass.replication.model import Method

__all__ = ["preflight"]


def preflight(
    ctx: typer.Context,
    source: Source = "",
    destination: Destination = "",
    set_name: SetName = "",
    method: MethodOption = Method.AUTO,
    operation: OperationOption = None,
    prefix: Prefix = "",
    switch_on: SwitchOn = None,
    enable_versioning: EnableVersioning = False,
    versions: Versions = False,
    preserve: Preserve = "",
    template: TemplateFile = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List what would make a seed fail, with the policy that corrects it. Exit 3 when there is an error.

    Examples:
      windlass replicate preflight scans scans-copy --operation copy
      windlass replicate preflight --set dr -o json
    """
    from windlass.replication.output import print_findings
    from windlass.replication.request import request_from

    request = request_from(
        open_replication(ctx),
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
    plans = plan_pairs(open_replication(ctx), select_pairs(source, destination, set_name, prefix), request)
    if print_findings(plans, output, limit=limit):
        raise typer.Exit(EXIT_FINDINGS)
