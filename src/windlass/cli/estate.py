"""`windlass whoami` and `windlass doctor`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from windlass import __version__
from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.output import Format, emit, emit_value

whoami = typer.Typer(rich_markup_mode=None)
doctor = typer.Typer(rich_markup_mode=None)

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]


@whoami.command("whoami")
def whoami_command(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Show which identity is used and why: every credential source as decided, then who we are in each account."""
    estate = open_app(ctx).estate
    found = estate.whoami()
    if output is not Format.TABLE:
        emit_value(asdict(found) | {"refusal": estate.decision.refusal, "hint": estate.decision.hint})
    else:
        print(f"environment: {found.environment}; endpoint: {found.endpoint or 'AWS'}", file=sys.stderr)
        emit((asdict(one) for one in found.sources), output, ["name", "present", "verdict", "reason"])
        emit((asdict(one) for one in found.identities), output, ["account_id", "alias", "arn", "error"])
    estate.accounts()  # raises the refusal, or what is wrong with the identity


@doctor.command("doctor")
def doctor_command(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Check identity, endpoint, clock, regions, permissions and store; exit 1 when something fails."""
    from windlass.estate.doctor import checks
    from windlass.observe.health import run_checks
    from windlass.store.migrate import current_version

    app = open_app(ctx)
    looks = {
        "versions": lambda: f"windlass {__version__}, Python {sys.version.split()[0]}, {os.uname().sysname}",
        "configuration": lambda: str(app.loaded.file or "defaults and environment"),
        "store": lambda: f"{app.store.where}: {app.store.dialect}, schema {current_version(app.store)}",
    }
    found = run_checks(looks | dict(checks(app.estate, now=clock.now)))
    emit((asdict(one) for one in found), output, ["name", "state", "detail", "hint"])
    if any(one.state == "fail" for one in found):
        raise typer.Exit(1)
