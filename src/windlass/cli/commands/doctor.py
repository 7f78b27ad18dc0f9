"""`windlass doctor`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict

import typer

from windlass import __version__
from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["doctor"]


def doctor(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """Check identity, endpoint, clock, regions, permissions and store. Exit 1 when a check fails.

    Examples:
      windlass doctor
      windlass doctor -o json
    """
    from windlass.estate.doctor import checks
    from windlass.observe.health import run_checks
    from windlass.store.schema import current_version

    app = open_app(ctx)
    local = {
        "versions": lambda: f"windlass {__version__}, Python {sys.version.split()[0]}, {os.uname().sysname}",
        "configuration": lambda: str(app.loaded.file or "defaults and environment"),
        "store": lambda: f"{app.store.where}: {app.store.dialect}, schema {current_version(app.store)}",
    }
    results = run_checks(local | dict(checks(app.estate, now=clock.now)))
    emit((asdict(result) for result in results), output, ["name", "state", "detail", "hint"], limit=limit)
    if any(result.state == "fail" for result in results):
        raise typer.Exit(1)
