"""`windlass demo`."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from windlass.cli.context import loaded_settings, open_app
from windlass.cli.demo.config import CONSUMED_QUEUE, render_config
from windlass.cli.embedded_aws import run_process, started, stdout_line
from windlass.core.units import format_duration

__all__ = ["demo", "private_files"]

Folder = Annotated[Path, typer.Option(help="Where the demo keeps its database and configuration.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the console; 0 takes a free one.")]
ExitAfter = Annotated[float, typer.Option(help="Stop after this many seconds; 0 for never.")]


def demo(
    ctx: typer.Context, folder: Folder = Path(".windlass/demo"), port: Port = None, exit_after: ExitAfter = 0
) -> None:
    """Show everything on an embedded AWS: a sample estate, a first collection, live changes and the console.

    It needs no AWS account, no credentials and nothing outside this machine. Ctrl-C stops everything.

    Examples:
      windlass demo
      windlass demo --port 0 --exit-after 60
    """
    started_at = time.monotonic()
    config = loaded_settings(ctx).settings.local
    with private_files(), _embedded_aws(_emptied(folder)) as url:
        file = folder / "windlass.toml"
        file.write_text(render_config(url, folder), "utf-8")
        sample = ("--random-seed", str(config.random_seed), "--scale", str(config.scale))
        run_process("populate", "--url", url, *sample)
        _serve(ctx, file, url, port=port, started_at=started_at, exit_after=exit_after)
    print("windlass demo: stopped; nothing is left running", file=sys.stderr)


def _serve(ctx: typer.Context, file: Path, url: str, *, port: int | None, started_at: float, exit_after: float) -> None:
    from windlass.cli.background import alerts, collector, facts
    from windlass.cli.demo import scenarios
    from windlass.cli.demo.history import simulate_history
    from windlass.console.server import serve

    ctx.find_root().obj |= {"config": str(file)}
    app = open_app(ctx)
    _collect(ctx)
    changes = simulate_history(app)
    print(f"simulated 30 days of history with {changes:,} changes, marked as simulated", file=sys.stderr)
    app.checks.run()
    stop = threading.Event()
    console = app.settings.console

    def ready(address: str) -> None:
        print(_welcome(file, address, time.monotonic() - started_at), flush=True)

    if exit_after:
        timer = threading.Timer(exit_after, stop.set)
        timer.daemon = True
        timer.start()
    try:
        with collector(app, stop), facts(app, stop), alerts(app, stop), scenarios.running(app, file, url, stop):
            serve(app, host=console.host, port=console.port if port is None else port, ready=ready, stop=stop)
    finally:
        stop.set()


def _collect(ctx: typer.Context) -> None:
    from windlass.inventory.collection_job import collect_as_job
    from windlass.present.progress import ProgressLine

    app = open_app(ctx)
    with ProgressLine("collecting") as line:
        run = collect_as_job(app.inventory, app.jobs, app.inventory.options(), show=line.update)
    print(
        f"collected {run.resources:,} resources in {run.scopes_done:,} scopes with {run.calls:,} calls", file=sys.stderr
    )


def _welcome(file: Path, address: str, ready_s: float) -> str:
    return f"""
  console    {address}    (ready after {format_duration(ready_s)})
  commands   windlass -c {file} inventory list s3.bucket
             windlass -c {file} check run --severity critical
             windlass -c {file} queue watch {CONSUMED_QUEUE}
             windlass -c {file} clients report
             windlass -c {file} replicate status    (fourteen pairs: created and seeded in the first two minutes)
  feed       windlass inventory feed, who changed what within seconds; its log: {file.parent}/feed.log
             windlass -c {file} inventory changes --since 10m
  alerts     on changes of who may read a bucket, in {file.parent}/alerts.log
             windlass -c {file} watch test exposure --since 30d
  consumer   windlass consume arrivals, on live S3 events; its log: {file.parent}/consume.log
  pipeline   windlass pipeline run, YAML to JSON, some of it broken; its log: {file.parent}/pipeline.log
  aggregator windlass aggregate run, killed again and again; its log: {file.parent}/aggregate.log
  Ctrl-C stops everything
"""


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Create folders with mode 0700 and files with 0600 in the block: ours, SQLite's and those of our child processes."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def _embedded_aws(folder: Path) -> Iterator[str]:
    """Run the embedded AWS in a separate process, so that it can use another core, and yield its URL."""
    log = folder / "aws.log"
    words = ("up", "--port", "0", "--no-populate", "--no-require-signature", "--until-stdin-closes")
    with started(*words, log=log) as server:
        yield stdout_line(server, log)
