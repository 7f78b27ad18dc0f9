"""`windlass replicate plan`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.present.options import Limit, Output
from windlass.present.output import Format
from windlass.replication.commands.options import (
    Destination,
    EnableVersioning,
    MaybeCompareBy,
    Measure,
    MethodOption,
    OperationOption,
    Prefix,
    SetName,
    Source,
    SwitchOn,
    TemplateFile,
    open_replication,
    plan_pairs,
    select_pairs,
)
from windlass.replication.model import Method

if TYPE_CHECKING:
    from windlass.replication.planning.plan import PairPlan
    from windlass.replication.planning.request import SeedRequest
    from windlass.replication.service import Replication

__all__ = ["plan"]


def plan(
    ctx: typer.Context,
    source: Source = "",
    destination: Destination = "",
    set_name: SetName = "",
    method: MethodOption = Method.AUTO,
    operation: OperationOption = None,
    prefix: Prefix = "",
    switch_on: SwitchOn = None,
    enable_versioning: EnableVersioning = False,
    compare: MaybeCompareBy = None,
    measure: Annotated[
        Measure,
        typer.Option("--measure", help="Count by listing both sides, or from CloudWatch; auto lists small buckets."),
    ] = Measure.AUTO,
    writes: Annotated[bool, typer.Option("--writes", help="List every write of the seed instead.")] = False,
    template: TemplateFile = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Show sizes, counts, missing objects, the method and why, its cost and time. Nothing is written.

    Examples:
      windlass replicate plan scans scans-copy
      windlass replicate plan scans scans-copy --method direct --operation copy --writes -o json
    """
    from windlass.replication.request import request_from

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
    plans = plan_pairs(replication, select_pairs(source, destination, set_name, prefix), request)
    _print(replication, plans, request, set_name, output, writes=writes, limit=limit)


def _print(
    replication: Replication,
    plans: Sequence[PairPlan],
    request: SeedRequest,
    set_name: str,
    output: Format,
    *,
    writes: bool,
    limit: int,
) -> None:
    from windlass.replication.output import print_plan, print_writes, raise_refused

    if writes:
        print_writes(replication, plans, request, set_name, output)
    else:
        print_plan(plans[: limit or None], output)
    raise_refused(plans)
