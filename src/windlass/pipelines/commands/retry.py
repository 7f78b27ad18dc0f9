"""`windlass pipeline retry`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.core.errors import PartialFailure, WindlassError
from windlass.pipelines.commands.options import PipelineName, open_pipelines
from windlass.present.confirmation import require_confirmation
from windlass.present.options import DryRun, Limit, Yes
from windlass.present.output import ALL

if TYPE_CHECKING:
    from windlass.pipelines.counters import RefusedObject
    from windlass.pipelines.runner import PipelineRunner

__all__ = ["retry"]


def retry(
    ctx: typer.Context,
    name: PipelineName,
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="Only the object with this key.")] = "",
    limit: Limit = 1000,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Retry refused objects, after you corrected the transform or the object.

    Examples:
      windlass pipeline retry notes --dry-run
      windlass pipeline retry notes --key broken.yaml --yes
    """
    pipelines = open_pipelines(ctx)
    waiting = [
        failure for failure in pipelines.failures(name, waiting=True, limit=limit or ALL) if key in ("", failure.key)
    ]
    action = f"retry {len(waiting):,} refused objects of {name}"
    if dry_run:
        print(f"would {action}")
        return
    require_confirmation(action, yes=yes, terminal_only=True)
    with pipelines.runner([name]) as runner:
        refused, failed = _retry(runner, waiting)
    print(f"{len(waiting) - refused - failed:,} of {len(waiting):,} succeeded", file=sys.stderr)
    if refused or failed:
        hint = f"`windlass pipeline status {name}` shows the reasons."
        raise PartialFailure(f"{refused:,} were refused again, {failed:,} failed", hint=hint)


def _retry(runner: PipelineRunner, failures: Iterable[RefusedObject]) -> tuple[int, int]:
    """Retry each object. Return how many were refused again, and how many failed."""
    from windlass.pipelines.runner import Contended, Quarantined

    refused = failed = 0
    for failure in failures:
        try:
            outcome = runner.retry(failure)
        except (Contended, WindlassError) as error:
            failed += 1
            print(f"{failure.key}: {error}", file=sys.stderr)
            continue
        if isinstance(outcome, Quarantined):
            refused += 1
            print(f"{failure.key}: {outcome.error.message}", file=sys.stderr)
    return refused, failed
