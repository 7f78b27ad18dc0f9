"""The execution of a plan: printed, confirmed and run as a job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from windlass.memcached.commands.options import open_memcached
from windlass.present.commands import service
from windlass.present.confirmation import require_confirmation
from windlass.present.output import Format, emit_value
from windlass.present.progress import ProgressLine

if TYPE_CHECKING:
    from windlass.memcached.plan import ClusterPlan

__all__ = ["execute"]


def execute(ctx: typer.Context, plan: ClusterPlan, *, yes: bool, dry_run: bool, watch: bool, output: Format) -> None:
    """Print the plan and run it as a job, unless it changes nothing or `dry_run` is set. Raises the plan's refusal."""
    from windlass.memcached import rows
    from windlass.memcached.change_job import run_plan
    from windlass.memcached.plan import PlanAction
    from windlass.memcached.report import plan_text

    if output is Format.TABLE:
        print(plan_text(plan))
    else:
        emit_value(rows.plan_value(plan))
    if plan.refusal is not None:
        raise plan.refusal
    if plan.action is PlanAction.NOTHING:
        return
    if dry_run:
        print("\nThis is a plan; nothing was changed.", file=sys.stderr)
        return
    require_confirmation(f"{plan.action} the cluster {plan.name} as planned", yes=yes)
    jobs = service(ctx, "jobs")
    with ProgressLine(f"{plan.action} {plan.name}") as line:
        job_id = run_plan(open_memcached(ctx), jobs, plan, watch=watch, show=line.update)
    job = jobs.get(job_id)
    print(f"{job_id}: {job.status}, {job.detail}", file=sys.stderr)
