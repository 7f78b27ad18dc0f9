"""The options that the verbs of `windlass serve`, `up` and `jobs` share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Host", "JobId", "Port"]

Host = Annotated[
    str, typer.Option("--host", metavar="HOST", help="Address to listen on; console.host of windlass.toml by default.")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="PORT",
        min=0,
        max=65535,
        help="Port to listen on; console.port by default, 0 takes a free one.",
    ),
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, as `windlass jobs list` shows it.")]
