"""`windlass jobs log`."""

from __future__ import annotations

import time

import typer

from windlass.cli.commands.options import JobId
from windlass.cli.context import open_app
from windlass.present.options import Follow

__all__ = ["log"]

_INTERVAL_S = 0.5


def log(ctx: typer.Context, job_id: JobId, follow: Follow = False) -> None:
    """Print a job's log.

    Examples:
      windlass jobs log job-01
      windlass jobs log job-01 --follow
    """
    jobs = open_app(ctx).jobs
    after = 0
    while True:
        ended = jobs.get(job_id).status.ended  # read before the log, so that no last line is missed
        entries = jobs.log(job_id, after=after)
        for entry in entries:
            print(f"{entry.at:%Y-%m-%d %H:%M:%S}Z {entry.level:7} {entry.message}")
            after = entry.entry_id
        if not entries and (ended or not follow):
            return
        if not entries:
            time.sleep(_INTERVAL_S)
