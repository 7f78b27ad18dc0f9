"""`windlass pipeline …`: thin faces over the service. `commands` is handed what opens the parts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from windlass.core import clock
from windlass.core.errors import PartialFailure, UsageError, WindlassError
from windlass.core.units import format_bytes
from windlass.jobs.service import Jobs
from windlass.pipelines.backfill import backfill_as_job
from windlass.pipelines.build import Pipeline
from windlass.pipelines.counted import Failure
from windlass.pipelines.engine import Contended, Refused
from windlass.pipelines.model import Output, Rejected, Source
from windlass.pipelines.service import Pipelines
from windlass.pipelines.steps import STEPS
from windlass.pipelines.stream import file_chunks
from windlass.present.assignments import parse_assignments
from windlass.present.output import Column, Format, emit
from windlass.present.progress import ProgressLine
from windlass.queues.together import run_together

__all__ = ["commands", "failure_row", "pipeline_row"]

OutputFormat = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Name = Annotated[str, typer.Argument(metavar="PIPELINE", help="The pipeline's name.")]
AnyName = Annotated[str, typer.Argument(metavar="[PIPELINE]", help="Only this pipeline.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[PIPELINE]...", help="Only these pipelines; all otherwise.")
]

PIPELINES: list[object] = [
    "name",
    "source",
    "transform",
    "target",
    Column("written", right=True),
    Column("there", right=True),
    Column("refused", right=True),
    Column("read", right=True),
]
FAILURES: list[object] = [Column("at", "WHEN"), "pipeline", "key", "reason", "message", "kept_at", "retried_at"]


def commands(  # noqa: C901  one function per command
    open_pipelines: Callable[[typer.Context], Pipelines], open_jobs: Callable[[typer.Context], Jobs]
) -> typer.Typer:
    """The `pipeline` group over whatever the composition root opens."""
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Transform objects of S3 as they land, exactly once."
    )

    @app.command("list")
    def list_(ctx: typer.Context, output: OutputFormat = Format.TABLE) -> None:
        """List the pipelines of windlass.toml, and what became of their objects in the last day."""
        pipelines = open_pipelines(ctx)
        counted = pipelines.totals()
        rows = (pipeline_row(one, counted.get(one.name, {})) for one in pipelines.built())
        emit(rows, output, PIPELINES, empty="windlass.toml has no [[pipeline]] entry")

    @app.command()
    def status(
        ctx: typer.Context,
        name: AnyName = "",
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most this many.")] = 50,
        output: OutputFormat = Format.TABLE,
    ) -> None:
        """Show what was refused lately, why, and where it is kept."""
        rows = (failure_row(one) for one in open_pipelines(ctx).failures(name, limit=limit))
        emit(rows, output, FAILURES, now=clock.now(), empty="nothing was refused")

    @app.command()
    def transforms(output: OutputFormat = Format.TABLE) -> None:
        """List the built-in steps with their options."""
        emit((_step_row(one) for one in STEPS), output, ["step", "summary", "options", "needs"])

    @app.command()
    def run(
        ctx: typer.Context,
        names: Names = None,
        options: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="KEY=VALUE", help="A setting of the consumer, as in [[consume]]; repeat."),
        ] = None,
        host: Annotated[str, typer.Option("--health-host", help="Address of the health port.")] = "127.0.0.1",
        port: Annotated[
            int,
            typer.Option(
                "--health-port", help="Port of /healthz, /readyz and /metrics; 0 takes a free one, -1 is none."
            ),
        ] = -1,
    ) -> None:
        """Work: take objects as their events come, until SIGTERM. As many of these as you like may run at once."""
        workers = open_pipelines(ctx).workers(
            names or (), health=(host, port) if port >= 0 else None, settings=parse_assignments(options or ())
        )
        raise typer.Exit(run_together(workers))

    @app.command()
    def test(
        ctx: typer.Context,
        name: Name,
        files: Annotated[
            list[Path], typer.Argument(metavar="FILE...", help="Files to transform; nothing of AWS is asked.")
        ],
        folder: Annotated[
            Path | None,
            typer.Option("--to", help="Folder to write outputs into; otherwise what they would be is shown."),
        ] = None,
        output: OutputFormat = Format.TABLE,
    ) -> None:
        """Run a pipeline's transform on local files."""
        (pipeline,) = open_pipelines(ctx).built([name])
        rows = [row for file in files for row in _try(pipeline, file, folder)]
        emit(rows, output, ["file", "target", Column("size", right=True), "content_type", "refused"])
        refused = sum(bool(row["refused"]) for row in rows)
        if refused:
            raise PartialFailure(f"{refused} of {len(files)} files were refused")

    @app.command()
    def backfill(
        ctx: typer.Context,
        name: Name,
        origin: Annotated[
            str,
            typer.Option(
                "--from", metavar="WHERE", help="s3://…/manifest.json of an S3 Inventory, or a file with a key a line."
            ),
        ] = "",
    ) -> None:
        """Take what is there already through a pipeline, as a job that can be resumed."""
        with ProgressLine("backfill") as line:
            job_id = backfill_as_job(open_pipelines(ctx), open_jobs(ctx), name, origin=origin, show=line.update)
        job = open_jobs(ctx).get(job_id)
        print(f"{job_id}: {job.detail}", file=sys.stderr)

    @app.command()
    def retry(
        ctx: typer.Context,
        name: Name,
        key: Annotated[str, typer.Option(help="Only the object with this key.")] = "",
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 1000,
    ) -> None:
        """Take refused objects through once more: after the transform was mended, or the object."""
        pipelines = open_pipelines(ctx)
        waiting = [one for one in pipelines.failures(name, waiting=True, limit=limit) if key in ("", one.key)]
        refused = failed = 0
        with pipelines.engine([name]) as engine:
            for one in waiting:
                try:
                    ended = engine.retry(one)
                except (Contended, WindlassError) as error:
                    failed += 1
                    print(f"{one.key}: {error}", file=sys.stderr)
                    continue
                if isinstance(ended, Refused):
                    refused += 1
                    print(f"{one.key}: {ended.error.message}", file=sys.stderr)
        print(f"{len(waiting) - refused - failed:,} of {len(waiting):,} went through", file=sys.stderr)
        if refused or failed:
            raise PartialFailure(f"{refused:,} were refused again, {failed:,} failed")

    return app


def pipeline_row(one: Pipeline, counted: dict[str, int]) -> dict[str, Any]:
    """A pipeline, for a listing."""
    return {
        "name": one.name,
        "source": one.config.source,
        "transform": " | ".join(bound.step.name for bound in one.transform.steps),
        "target": one.config.target,
        "written": counted.get("written", 0),
        "there": counted.get("duplicate", 0) + counted.get("stale", 0),
        "refused": counted.get("refused", 0),
        "gone": counted.get("gone", 0),
        "deleted": counted.get("deleted", 0),
        "read": format_bytes(counted.get("read_bytes", 0)),
        "queue": one.config.queue,
    }


def failure_row(one: Failure) -> dict[str, Any]:
    """A refused object, for a listing."""
    return {
        "at": one.at,
        "pipeline": one.pipeline,
        "bucket": one.bucket,
        "key": one.key,
        "version_id": one.version_id,
        "reason": one.reason,
        "message": one.message,
        "kept_at": one.kept_at,
        "retried_at": one.retried_at,
    }


def _step_row(step: Any) -> dict[str, Any]:
    options = ", ".join(f"{one.name}={one.default}" if one.default is not None else one.name for one in step.options)
    return {"step": step.name, "summary": step.summary, "options": options, "needs": step.extra}


def _try(pipeline: Pipeline, file: Path, folder: Path | None) -> list[dict[str, Any]]:
    """A row for each output of a local file, or one that says why it is refused."""
    plain = {"file": str(file), "target": "", "size": None, "content_type": "", "refused": ""}
    made: list[dict[str, Any]] = []
    try:
        opened = file.open("rb")
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}", hint="Give files that are there.") from None
    selection = pipeline.selection
    with opened:
        stat = file.stat()
        source = Source(
            chunks=file_chunks(opened),
            name=file.name,
            bucket=selection.bucket,
            key=f"{selection.prefix}{file.name}",
            size_bytes=stat.st_size,
            modified=clock.now(),
        )
        try:
            for index, output in enumerate(pipeline.transform.run(source)):
                key = pipeline.target.key(source, output, index)
                size = _write(output, folder / key if folder is not None else None)
                target = f"s3://{pipeline.target.bucket}/{key}"
                made.append(plain | {"target": target, "size": size, "content_type": output.content_type})
        except Rejected as error:
            made.append(plain | {"refused": f"{error.reason.value}: {error.message}"})
    return made


def _write(output: Output, target: Path | None) -> int:
    size = 0
    if target is None:
        return sum(len(chunk) for chunk in output.chunks)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for chunk in output.chunks:
            size += file.write(chunk)
    return size
