"""`windlass inventory worker`."""

from __future__ import annotations

import functools
import signal
import sys
import threading

import typer

from windlass.inventory.commands.options import open_inventory
from windlass.present.commands import service
from windlass.present.options import Quiet

__all__ = ["worker"]


def worker(ctx: typer.Context, quiet: Quiet = False) -> None:
    """Scan scopes for collections that other processes run on the same store, until stopped.

    It joins every collection that `windlass up` or `windlass inventory collect` runs with the same
    configuration. When it stops, others take over its scopes at once. It resumes a collection whose process was killed.

    Examples:
      windlass inventory worker
      windlass --config /etc/windlass/windlass.toml inventory worker -q
    """
    from windlass.inventory.worker_loop import work_forever

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    show = functools.partial(_show, quiet=quiet)
    show("waiting for a collection; stop with Ctrl-C")
    work_forever(
        open_inventory(ctx),
        service(ctx, "jobs"),
        stop=stop,
        resume=True,
        joined=lambda queue: show(f"{queue.run_id}: joined the collection of {queue.holder}"),
        left=lambda result: show(f"{result.run_id}: {result.end}; scanned {result.scopes:,} scopes"),
    )


def _show(line: str, *, quiet: bool) -> None:
    if not quiet:
        print(line, file=sys.stderr, flush=True)
