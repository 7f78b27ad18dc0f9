"""The scenarios of the demo: programs of other teams, simulated by `windlass_local`, and the Windlass workers that
handle them.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from windlass.app import App
from windlass.cli.commands.local.status import read_page
from windlass.cli.demo.config import ACCOUNT, REGION
from windlass.cli.demo.replication import seed_replicas
from windlass.cli.demo.workers import SHORT_WAITS, KilledWorker, worker
from windlass.cli.embedded_aws import run_process, started, stdout_line
from windlass.core.errors import WindlassError
from windlass.observe.log import logger

__all__ = ["running"]

_POLL_S = 2.0
_JOIN_S = 12.0


@contextlib.contextmanager
def running(app: App, config: Path, url: str, stop: threading.Event) -> Iterator[None]:
    """Prepare every scenario, and run them for the block."""
    log = config.parent / "aws.log"
    target = ("--url", url, "--account", ACCOUNT)
    rate = str(app.settings.local.changes_per_minute)
    changes = ("simulate-changes", "--url", url, "--random-seed", str(app.settings.local.random_seed))
    with (
        started("scenario", "arrivals", "changes", "papers", "scans", *target, log=log) as programs,
        started(*changes, "--changes-per-minute", rate, "--until-stdin-closes", log=log),
    ):
        prepared = json.loads(stdout_line(programs, log))
        aggregator = KilledWorker(config, "aggregate.log", "aggregate", "run", "refresh-scans")
        threads = [
            threading.Thread(target=work, args=args, name=name, daemon=True)
            for name, work, args in (
                ("clients", _scan_clients, (app, url)),
                ("replication", seed_replicas, (app, url, log, stop)),
                ("aggregator", aggregator.run, (stop,)),
                ("file-share", _watch_file_share, (url, prepared["scans"], aggregator, stop)),
            )
        ]
        with (
            worker(config, "feed.log", "inventory", "feed", stop=stop),
            worker(config, "consume.log", "consume", "arrivals", stop=stop),
            worker(config, "pipeline.log", "pipeline", "run", "papers", stop=stop, settings=SHORT_WAITS),
        ):
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                stop.set()
                for thread in threads[1:]:
                    thread.join(_JOIN_S)


def _scan_clients(app: App, url: str) -> None:
    """Scan the log of a trail that saw two weeks of calls by old and current programs."""
    from windlass.clients.scan_job import scan_as_job
    from windlass.clients.service import ScanOptions

    try:
        location = run_process("old-clients", "--url", url, "--account", ACCOUNT, "--region", REGION)
        scan_as_job(app.clients, app.jobs, ScanOptions(source=location))
    except WindlassError as error:
        logger("demo").warning("scenario.failed", scenario="clients", error=error.message, hint=error.hint)


def _watch_file_share(url: str, scans: Mapping[str, Any], aggregator: KilledWorker, stop: threading.Event) -> None:
    """Print when the file share lists every object of its bucket."""
    while not stop.wait(_POLL_S):
        try:
            share = read_page(url, f"/_windlass/fileshares/{scans['file_share']}")
        except WindlassError as error:
            logger("demo").debug("scenario.failed", scenario="scans", error=error.message)
            continue
        if len(share["files"]) == len(share["bucket"]) >= scans["objects"]:
            print(
                f"  file share  lists all {len(share['files']):,} objects after {share['refreshes']} refreshes; "
                f"its worker was killed {aggregator.kills} times",
                flush=True,
            )
            return
