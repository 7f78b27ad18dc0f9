"""`windlass demo`: everything at once, on the embedded AWS, from nothing to a living console."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from windlass.cli.context import loaded_settings, open_app
from windlass.cli.local import _fill, _start_weather, require_embedded_aws
from windlass.core.errors import AwsError
from windlass.core.units import format_duration

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_EVERY_S = 20
_START_S = 60

_CONFIG = """\
# Written by `windlass demo`; it is started anew each time.
[estate]
endpoint_url = "{url}"
regions = ["us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2"]
accounts = [
  {{ id = "111111111111", alias = "harbour-prod" }},
  {{ id = "222222222222", alias = "harbour-data" }},
  {{ id = "333333333333", alias = "harbour-dev" }},
]

[store]
url = "sqlite:///{folder}/windlass.db"

[inventory]
interval_s = {interval_s}
"""


@app.command("demo")
def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its database and configuration.")] = Path(
        ".windlass/demo"
    ),
    port: Annotated[int, typer.Option(help="Port of the console; 0 takes a free one.")] = -1,
    exit_after: Annotated[float, typer.Option(help="Stop by itself after this many seconds; 0 for never.")] = 0,
) -> None:
    """Show everything on an embedded AWS: a seeded estate, a first collection, live changes and the console.

    No AWS account, no credentials, nothing outside this machine. Ctrl-C stops all of it.
    """
    require_embedded_aws()
    from windlass.cli import scenes

    began = time.monotonic()
    settings = loaded_settings(ctx).settings
    with private_files(), _embedded_aws(_emptied(folder)) as url:
        config = folder / "windlass.toml"
        written = _CONFIG.format(url=url, folder=folder.as_posix(), interval_s=_EVERY_S) + scenes.CONFIG
        config.write_text(written, "utf-8")
        _fill(url, settings.local.seed, settings.local.scale)
        _live(ctx, config, url, port=port, began=began, exit_after=exit_after)
    print("windlass demo: stopped; nothing is left running", file=sys.stderr)


def _live(ctx: typer.Context, config: Path, url: str, *, port: int, began: float, exit_after: float) -> None:
    from windlass.cli import scenes
    from windlass.cli.background import collector
    from windlass.console.serve import serve
    from windlass.inventory.collection_job import collect_as_job
    from windlass.present.progress import ProgressLine

    ctx.find_root().obj |= {"config": str(config)}
    opened = open_app(ctx)
    with ProgressLine("collecting") as line:
        run = collect_as_job(opened.inventory, opened.jobs, opened.inventory.options(), show=line.update)
    print(
        f"collected {run.resources:,} resources in {run.scopes_done:,} scopes with {run.calls:,} calls", file=sys.stderr
    )
    stop = threading.Event()
    weather = _start_weather(url, opened.settings.local.seed, opened.settings.local.changes_per_minute, stop)
    console = opened.settings.console

    def ready(address: str) -> None:
        print(f"\n  console    {address}    (ready after {format_duration(time.monotonic() - began)})")
        print(f"  commands   windlass -c {config} inventory list s3.bucket")
        print(f"             windlass -c {config} queue watch {scenes.QUEUE}")
        print(f"             windlass -c {config} clients report")
        print(
            f"             windlass -c {config} replicate status    (fourteen pairs: made and seeded in the first two minutes)"
        )
        print(f"  consumer   windlass consume arrivals, on live S3 events; its log: {config.parent}/consume.log")
        print(
            f"  pipeline   windlass pipeline run, YAML to JSON, some of it broken; its log: {config.parent}/pipeline.log"
        )
        print(f"  aggregator windlass aggregate run, killed again and again; its log: {config.parent}/aggregate.log")
        print("  Ctrl-C stops everything\n", flush=True)

    if exit_after:
        timer = threading.Timer(exit_after, stop.set)
        timer.daemon = True
        timer.start()
    try:
        with collector(opened, stop), scenes.playing(opened, config, url, stop):
            serve(
                opened,
                host=console.host,
                port=console.port if port < 0 else port,
                ready=ready,
                stop=stop,
            )
    finally:
        stop.set()
        weather.join(timeout=10)


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Make folders 0700 and files 0600 from birth in the block: ours, SQLite's and those of the processes we start."""
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
    """The embedded AWS in a process of its own, so that it has a core to itself; its URL.

    The child holds a pipe from us: when this process goes, however it goes, the child sees the end of it and stops.
    """
    log = (folder / "aws.log").open("wb")
    command = [
        sys.executable,
        "-m",
        "windlass",
        "local",
        "up",
        "--port",
        "0",
        "--no-seed",
        "--no-require-signature",
        "--with-parent",
    ]
    with (
        log,
        subprocess.Popen(  # noqa: S603  our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        ) as child,
    ):
        try:
            assert child.stdout is not None
            url = child.stdout.readline().strip()
            if not url:
                raise AwsError(
                    "the embedded AWS did not start",
                    hint=f"Read {folder / 'aws.log'}.",
                )
            yield url
        finally:
            assert child.stdin is not None
            child.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            child.kill()
