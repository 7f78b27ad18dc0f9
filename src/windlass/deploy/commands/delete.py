"""`windlass deploy delete`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.deploy.commands.options import Buckets, EntryName, What, kind_of, open_deploy, print_effect, print_plan
from windlass.present.confirmation import require_confirmation
from windlass.present.options import DryRun, Output, Yes
from windlass.present.output import Format

__all__ = ["delete"]


def delete(
    ctx: typer.Context,
    what: What,
    name: EntryName,
    bucket: Buckets = None,
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Delete queues even when they hold messages; the messages are lost.")
    ] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Delete only what `create` made: resources with its tag, and its own entries in bucket notifications.

    Examples:
      windlass deploy delete pipeline notes --dry-run
      windlass deploy delete aggregator refresh-scans --yes
    """
    deploy = open_deploy(ctx)
    stack = deploy.stack(kind_of(what), name, buckets=bucket or ())
    plan = deploy.plan_delete(stack, force=force)
    print_plan(stack, plan, output)
    if dry_run:
        print("This is a dry run; nothing was changed.", file=sys.stderr)
        return
    if plan.effects:
        require_confirmation(f"delete these {len(plan.effects)} resources of {name}", yes=yes)
    deploy.apply(stack, plan, print_effect)
