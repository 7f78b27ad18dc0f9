"""`windlass jobs`: list, show, log, cancel, resume."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.jobs.model import Job, JobStatus
from windlass.present.output import Column, Format, emit, emit_value

app = typer.Typer(no_args_is_help=True, help="Watch, cancel and resume long work of any kind.", rich_markup_mode=None)

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, as `windlass jobs list` shows it.")]


def job_row(job: Job) -> dict[str, Any]:
    """A job as a row of a listing."""
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "title": job.title,
        "status": str(job.status),
        "progress": f"{job.fraction:.0%}",
        "done": job.done,
        "total": job.total,
        "unit": job.unit,
        "detail": job.detail,
        "error": job.error,
        "attempt": job.attempt,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "duration_s": round(job.duration_s, 3),
        "eta_s": job.eta_s,
        "holder": job.holder,
    }


@app.command("list")
def list_(
    ctx: typer.Context,
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: Annotated[str, typer.Option(help="Only jobs of this kind.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many.")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List jobs, newest first."""
    rows = (job_row(job) for job in open_app(ctx).jobs.list(status=status, kind=kind, limit=limit))
    columns = ["job_id", "kind", "title", "status", Column("progress", right=True), "holder", "detail", "created_at"]
    emit(rows, output, columns, now=clock.now(), empty="No jobs yet: `windlass inventory collect` starts one.")


@app.command()
def leases(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """List who holds what runs in one process at a time: the collector loop, periodic sets, running jobs."""
    rows = [
        {
            "lease": one.name,
            "holder": one.holder.title if one.holder else "",
            "fence": one.fence,
            "acquired_at": one.acquired_at,
            "expires_at": one.expires_at,
        }
        for one in open_app(ctx).jobs.leases.list()
    ]
    columns = ["lease", "holder", Column("fence", right=True), "acquired_at"]
    emit(rows, output, columns, now=clock.now(), empty="Nothing runs now.")


@app.command()
def show(ctx: typer.Context, job_id: JobId) -> None:
    """Show one job, with its parameters and checkpoint."""
    job = open_app(ctx).jobs.get(job_id)
    emit_value(job_row(job) | {"params": job.params, "checkpoint": job.checkpoint})


@app.command()
def log(
    ctx: typer.Context,
    job_id: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
) -> None:
    """Print a job's log."""
    jobs = open_app(ctx).jobs
    after = 0
    while True:
        ended = jobs.get(job_id).status.ended  # asked before reading, so that no last line is missed
        entries = jobs.log(job_id, after=after)
        for entry in entries:
            print(f"{entry.at:%Y-%m-%d %H:%M:%S}Z {entry.level:7} {entry.message}")
            after = entry.entry_id
        if not entries and (ended or not follow):
            return
        if not entries:
            time.sleep(0.5)


@app.command()
def cancel(ctx: typer.Context, job_id: JobId) -> None:
    """Ask a job to stop; it can be resumed later."""
    job = open_app(ctx).jobs.cancel(job_id)
    print(f"{job.job_id}: {'cancelled' if job.status.ended else 'asked to stop'}")


@app.command()
def resume(ctx: typer.Context, job_id: JobId) -> None:
    """Take up a failed, cancelled or interrupted job where it stopped, and run it to its end."""
    from windlass.cli.runners import register_runners

    opened = open_app(ctx)
    register_runners(opened)
    job = opened.jobs.resume(job_id)
    print(f"{job.job_id}: {job.status} {job.detail}".rstrip())
